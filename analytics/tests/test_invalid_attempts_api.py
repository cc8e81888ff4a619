"""POST /invalid-attempts."""

import uuid
from typing import Any

import pytest

from analytics.models import Event, InvalidAttempt
from analytics.tests.conftest import NORTH, TONIGHT, Call, counts


@pytest.mark.usefixtures("tonight")
class TestAnInvalidAttempt:
    def test_is_stored_and_answered_201(self, post: Call) -> None:
        answer = post(
            "/invalid-attempts",
            reason="screenshot",
            ticket_id="TKT-001",
            event=TONIGHT,
            gate=NORTH,
            detail="on a phone",
        )

        stored = InvalidAttempt.objects.get()
        assert (answer.status_code, answer.json()["attempt_id"]) == (201, str(stored.pk))
        assert (stored.event_id, stored.ticket_id, stored.gate) == (TONIGHT, "TKT-001", NORTH)
        assert (stored.reason, stored.detail, stored.scan_id) == ("screenshot", "on a phone", None)
        assert counts() == {"invalid_attempt_count": 1}

    def test_needs_no_more_than_a_reason(self, post: Call) -> None:
        answer = post("/invalid-attempts", reason="climbed the fence")

        assert (answer.status_code, answer.json()["event_id"]) == (201, None)
        assert InvalidAttempt.objects.get().attempted_at == InvalidAttempt.objects.get().received_at

    def test_registers_no_event(self, post: Call) -> None:
        answer = post("/invalid-attempts", reason="screenshot", event="nobody knows")

        assert (answer.status_code, answer.json()["event_id"]) == (201, None)
        assert Event.objects.count() == 1

    def test_sent_again_is_answered_200_and_stored_once(self, post: Call) -> None:
        body = {"reason": "screenshot", "event": TONIGHT, "attempt_id": str(uuid.uuid4())}
        first = post("/invalid-attempts", **body)

        again = post("/invalid-attempts", **body)

        assert (again.status_code, again.json()) == (200, first.json())
        assert (InvalidAttempt.objects.count(), counts()) == (1, {"invalid_attempt_count": 1})

    def test_under_the_id_of_another_is_409(self, post: Call) -> None:
        attempt_id = str(uuid.uuid4())
        post("/invalid-attempts", reason="screenshot", attempt_id=attempt_id)

        assert post("/invalid-attempts", reason="stolen", attempt_id=attempt_id).status_code == 409

    @pytest.mark.parametrize(
        "change",
        [
            {"reason": ""},
            {"reason": "x" * 33},
            {"detail": "x" * 501},
            {"gate": "\x00"},
            {"attempted_at": "now"},
        ],
        ids=ascii,
    )
    def test_that_cannot_be_read_is_422(self, post: Call, change: Any) -> None:
        assert post("/invalid-attempts", **{"reason": "screenshot", **change}).status_code == 422
        assert not InvalidAttempt.objects.exists()
