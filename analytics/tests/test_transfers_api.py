"""POST /transfers."""

import uuid
from typing import Any

import pytest

from analytics.models import Event, Transfer
from analytics.tests.conftest import TONIGHT, Call, counts

GIVEN = {"ticket_id": "TKT-001", "event": TONIGHT, "from_user": "ada", "to_user": "ben"}


@pytest.mark.usefixtures("tonight")
class TestATransfer:
    def test_is_stored_and_answered_201(self, post: Call) -> None:
        answer = post("/transfers", **GIVEN, reason="cannot come", transferred_at="2025-06-01T18:00:00Z")

        stored = Transfer.objects.get()
        assert (answer.status_code, answer.json()["transfer_id"]) == (201, str(stored.pk))
        assert (stored.event_id, stored.from_user, stored.to_user) == (TONIGHT, "ada", "ben")
        assert (stored.is_successful, stored.reason) == (True, "cannot come")
        assert stored.transferred_at.isoformat() == "2025-06-01T18:00:00+00:00"

    def test_happened_when_it_was_received_unless_a_time_is_given(self, post: Call) -> None:
        post("/transfers", **GIVEN)

        assert Transfer.objects.get().transferred_at == Transfer.objects.get().received_at

    def test_may_have_failed(self, post: Call) -> None:
        post("/transfers", **GIVEN, is_successful=False)

        assert counts() == {"transfer_count": 1, "failed_transfer_count": 1}

    def test_registers_an_event_that_nobody_registered(self, post: Call) -> None:
        post("/transfers", **{**GIVEN, "event": "late show"})

        assert Event.objects.filter(event_id="late show").exists()

    def test_sent_again_is_answered_200_and_stored_once(self, post: Call) -> None:
        transfer_id = str(uuid.uuid4())
        first = post("/transfers", **GIVEN, transfer_id=transfer_id)

        again = post("/transfers", **GIVEN, transfer_id=transfer_id)

        assert (again.status_code, again.json()) == (200, first.json())
        assert (Transfer.objects.count(), counts()["transfer_count"]) == (1, 1)

    @pytest.mark.parametrize(
        "change", [{"to_user": "eve"}, {"is_successful": False}, {"event": "late show"}], ids=str
    )
    def test_under_the_id_of_another_is_409_and_stores_nothing(self, post: Call, change: Any) -> None:
        transfer_id = str(uuid.uuid4())
        post("/transfers", **GIVEN, transfer_id=transfer_id)

        answer = post("/transfers", **{**GIVEN, **change}, transfer_id=transfer_id)

        assert answer.status_code == 409
        assert (Transfer.objects.count(), counts()["transfer_count"], Event.objects.count()) == (1, 1, 1)

    @pytest.mark.parametrize(
        "change",
        [
            {"ticket_id": ""},
            {"ticket_id": "x" * 129},
            {"event": ""},
            {"from_user": None},
            {"to_user": "a\x00b"},
            {"to_user": "half \ud83c"},
            {"is_successful": "yes"},
            {"reason": "x" * 201},
            {"transferred_at": "2025-06-01T18:00:00"},
            {"transfer_id": 1},
        ],
        ids=ascii,
    )
    def test_that_cannot_be_read_is_422(self, post: Call, change: Any) -> None:
        answer = post("/transfers", **{**GIVEN, **change})

        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][-1] == next(iter(change))
        assert not Transfer.objects.exists()
