"""The admin's login page, to somebody who tries too often (contract line G6)."""

import logging
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from reports.logins import backend, counting
from reports.logins.middleware import LoginWaitMiddleware

pytestmark = pytest.mark.django_db
PASSWORD, WRONG = "correct horse battery", "wrong-secret-4711"


@pytest.fixture(autouse=True)
def _fast(settings: Any) -> None:
    """Hashing is not what these tests are about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ada() -> Any:
    """A member of staff."""
    return get_user_model().objects.create_superuser("ada", password=PASSWORD)


def log_in(client: Client, password: str, *, name: str = "ada", address: str = "203.0.113.7") -> Any:
    form = {"username": name, "password": password}
    return client.post("/admin/login/", form, REMOTE_ADDR=address)


@pytest.mark.usefixtures("ada")
class TestTheSixthAttempt:
    def test_is_429_and_says_when_to_come_back(self, client: Client) -> None:
        answers = [log_in(client, WRONG) for _ in range(6)]

        assert [each.status_code for each in answers] == [200] * 5 + [429]
        assert answers[-1]["Retry-After"] == "1"
        assert "Too many attempts. Try again in 1 seconds." in answers[-1].content.decode()

    def test_is_not_let_in_with_the_right_password(self, client: Client) -> None:
        for _ in range(5):
            log_in(client, WRONG)

        assert log_in(client, PASSWORD).status_code == 429
        assert "_auth_user_id" not in client.session

    def test_is_in_the_log_with_its_address(self, client: Client, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, backend.__name__):
            for _ in range(6):
                log_in(client, WRONG)

        said = [each.getMessage() for each in caplog.records if each.name == backend.__name__]
        assert said == ["login from 203.0.113.7 as ada failed"] * 5 + [
            "login from 203.0.113.7 has to wait for 1 s"
        ]
        assert WRONG not in caplog.text

    def test_of_a_name_that_nobody_has_is_told_the_same(self, client: Client) -> None:
        answers = [log_in(client, WRONG, name="nobody") for _ in range(6)]

        assert [each.status_code for each in answers] == [200] * 5 + [429]


class TestTheLog:
    def test_has_no_password_that_was_typed_as_the_name(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            log_in(client, "ada", name=WRONG)

        assert "login from 203.0.113.7 as nobody that is known failed" in caplog.text
        assert WRONG not in caplog.text


@pytest.mark.usefixtures("ada")
class TestASuccess:
    def test_forgets_the_failures_before_it(self, client: Client) -> None:
        for _ in range(4):
            log_in(client, WRONG)

        assert log_in(client, PASSWORD).status_code == 302
        assert [log_in(client, WRONG).status_code for _ in range(4)] == [200] * 4


@pytest.mark.usefixtures("ada")
class TestAnotherWayToLogIn:
    def request(self) -> HttpRequest:
        return RequestFactory().post("/elsewhere", REMOTE_ADDR="203.0.113.7")

    def test_is_counted_and_answered_429(self) -> None:
        for _ in range(5):
            assert authenticate(self.request(), username="ada", password=WRONG) is None

        def view(request: HttpRequest) -> HttpResponse:
            try:
                authenticate(request, username="ada", password=WRONG)
            except backend.TooManyAttempts as error:
                answer = middleware.process_exception(request, error)
                assert answer is not None
                return answer
            return HttpResponse()

        middleware = LoginWaitMiddleware(view)
        answer = middleware(self.request())

        assert (answer.status_code, answer["Retry-After"]) == (429, "1")

    def test_without_a_request_is_not_counted(self) -> None:
        for _ in range(8):
            assert authenticate(username="ada", password=WRONG) is None

        assert counting.begin(counting.attempt_of("ada", "203.0.113.7")) == 0
