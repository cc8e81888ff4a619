"""What a request that is refused leaves in the log."""

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.logs import OneLine


def record(status: int) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": "Forbidden", "exc_info": (ValueError, ValueError(), None)})
    made.status_code = status
    return made


class TestOneLine:
    @pytest.mark.parametrize("status", [400, 403, 404, 413])
    def test_has_no_traceback_of_the_clients_mistake(self, status: int) -> None:
        refused = record(status)

        assert OneLine().filter(refused)
        assert refused.exc_info is None

    def test_keeps_that_of_ours(self) -> None:
        failed = record(500)

        assert OneLine().filter(failed)
        assert failed.exc_info is not None


@pytest.mark.django_db
class TestAPageThatAReaderMayNotSee:
    def test_is_one_line(self, client: Client, caplog: pytest.LogCaptureFixture, settings: Any) -> None:
        client.force_login(User.objects.create_user("ada", is_staff=True))

        answer = client.get("/admin/auth/user/")

        assert answer.status_code == 403
        [said] = [each for each in caplog.records if each.name == "django.request"]
        assert said.exc_info is None
