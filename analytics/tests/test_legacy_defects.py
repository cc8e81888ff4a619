"""What went wrong at the gates of the legacy service, and must not come back."""

import uuid

import pytest
from django.test import Client

from analytics.models import Scan
from analytics.tests.conftest import NORTH, TONIGHT, Call, borrow_all_but, counts, scan, ticket
from core.tests.fixtures import Crowd


@pytest.mark.real_pool
@pytest.mark.usefixtures("impatient_pool")
class TestAFaultOfOurs:
    """There, any exception of /validate-qr was answered as an invalid ticket."""

    def test_a_full_pool_is_503_and_says_nothing_about_the_ticket(self, post: Call) -> None:
        with borrow_all_but(0):
            answer = post("/validate-qr", qr_text=ticket())

        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
        assert "isValid" not in answer.json()


@pytest.mark.usefixtures("tonight")
class TestAScan:
    """There, it had no duplicate, no id to send it again with, no gate, and asked for no key."""

    def test_is_replayed_by_its_id_detects_a_duplicate_keeps_its_gate_and_needs_the_key(
        self, post: Call
    ) -> None:
        sent = {"qr_text": ticket(), "gate": NORTH, "scan_id": str(uuid.uuid4())}

        first = post("/validate-qr", **sent).json()
        replayed = post("/validate-qr", **sent).json()
        second = post("/validate-qr", qr_text=ticket()).json()

        assert replayed == first
        assert (second["outcome"], second["first_admitted_gate"]) == ("duplicate", NORTH)
        assert Client().post("/validate-qr", sent, content_type="application/json").status_code == 401


@pytest.mark.real_pool
@pytest.mark.usefixtures("django_pool")
class TestTheCounters:
    """There, every scan read and wrote back one row for each event: updates were lost."""

    def test_count_every_concurrent_scan(self) -> None:
        done = Crowd(16, lambda number: [scan(ticket(f"TKT-{number}-{step}")) for step in range(10)]).run()

        assert done.errors == []
        assert counts()["admitted_count"] == Scan.objects.count() == 160


@pytest.mark.real_pool
@pytest.mark.usefixtures("impatient_pool")
class TestTheStatistics:
    """There, they took a second connection while they held the first, and covered the newest day only."""

    @pytest.mark.parametrize("path", ["/stats", "/stats?by=day", "/stats/scans", "/qr/scan-log/TKT-001"])
    def test_take_one_connection(self, get: Call, path: str) -> None:
        with borrow_all_but(1):
            assert get(path).status_code == 200

    def test_cover_every_day(self, get: Call) -> None:
        for day in range(3):
            scan(minutes=day * 24 * 60)

        assert get(f"/stats?event_id={TONIGHT}").json()["scan_count"] == 3


@pytest.mark.usefixtures("tonight")
class TestTransfersAndInvalidAttempts:
    """There, nothing called their writers, so their totals were always 0."""

    def test_have_an_endpoint_and_are_counted(self, post: Call, get: Call) -> None:
        post("/transfers", ticket_id="TKT-001", event=TONIGHT, from_user="ada", to_user="ben")
        post("/invalid-attempts", reason="screenshot", event=TONIGHT)

        stats = get("/stats", event_id=TONIGHT).json()
        assert (stats["transfer_count"], stats["invalid_attempt_count"]) == (1, 1)
