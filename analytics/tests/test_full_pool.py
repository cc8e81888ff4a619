"""A full pool and an unreachable server are a 503 that decides nothing (S1)."""

from typing import Any, cast

import pytest
from django.test import Client, RequestFactory

from analytics.tests.conftest import TONIGHT, Call, borrow_all_but, ticket
from config.api import api
from core.pool import SharedPool


@pytest.mark.real_pool
@pytest.mark.usefixtures("impatient_pool")
class TestAFullPool:
    def test_is_503_with_retry_after_and_never_an_invalid_ticket(self, post: Call) -> None:
        with borrow_all_but(0):
            answer = post("/validate-qr", qr_text=ticket())

        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert answer.json() == {"status": "error", "reason": "pool_full"}

    @pytest.mark.parametrize("path", ["/stats", "/stats/scans", "/qr/scan-log/TKT-001"])
    def test_is_503_for_a_question_too(self, get: Call, path: str) -> None:
        with borrow_all_but(0):
            assert get(path).status_code == 503

    def test_is_503_while_debugging_too(self, post: Call, settings: Any) -> None:
        settings.DEBUG = True

        with borrow_all_but(0):
            assert post("/validate-qr", qr_text=ticket()).status_code == 503

    def test_admits_the_ticket_when_the_scan_is_sent_again(self, post: Call) -> None:
        with borrow_all_but(0):
            post("/validate-qr", qr_text=ticket())

        assert post("/validate-qr", qr_text=ticket()).json()["outcome"] == "admitted"

    def test_still_answers_callers_mistakes(self, post: Call) -> None:
        with borrow_all_but(0):
            assert post("/validate-qr").status_code == 422
            assert Client().post("/validate-qr").status_code == 401
            assert post("/generate-qr", ticket_id="TKT-1", event=TONIGHT, user="ada").status_code == 200


@pytest.mark.real_pool
class TestAServerThatCannotBeReached:
    def test_is_503_with_retry_after_and_never_an_invalid_ticket(
        self, post: Call, impatient_pool: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nobody_listens = {**cast("dict[str, Any]", impatient_pool.kwargs), "host": "127.0.0.1", "port": 9}

        with monkeypatch.context() as patch:
            patch.setattr(impatient_pool, "kwargs", nobody_listens)
            answer = post("/validate-qr", qr_text=ticket())

        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert answer.json() == {"status": "error", "reason": "unreachable"}


class TestAFaultOfOurOwn:
    def test_is_not_passed_off_as_a_fault_of_the_database(self, rf: RequestFactory) -> None:
        with pytest.raises(KeyError):
            api.on_exception(rf.get("/stats"), KeyError("a mistake in the code"))
