"""The history of one ticket."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from analytics import services
from analytics.facts import InvalidAttemptFact
from analytics.models import Event
from analytics.tests.conftest import transfer
from reports.tests.dashboard.conftest import JAZZ, SOUTH, TONIGHT, recorded, refuse, scan, sell


def history(client: Client, ticket_id: str) -> list[tuple[str, str, str]]:
    answer = client.get("/admin/tickets/", {"ticket_id": ticket_id})
    assert answer.status_code == 200
    return [(each.what, each.outcome, each.detail) for each in answer.context["history"] or []]


def report_attempt(ticket_id: str, *, at: datetime) -> None:
    fields: dict[str, Any] = {"attempt_id": uuid.uuid4(), "gate": "", "scanner_id": ""}
    fact = InvalidAttemptFact(
        event_id=TONIGHT,
        ticket_id=ticket_id,
        reason="screenshot",
        detail="of a friend's",
        scan_id=None,
        attempted_at=at,
        received_at=at,
        **fields,
    )
    services.record_invalid_attempt(attempt=fact)


@pytest.mark.usefixtures("tonight")
class TestTheTicketLookup:
    def test_lists_everything_in_its_order(self, boss: Client, now: datetime) -> None:
        sell("TKT-001", day=now.date() - timedelta(days=500))
        transfer(event_id=TONIGHT)  # in June 2025
        refuse("TKT-001", at=now - timedelta(minutes=4))
        scan("TKT-001", at=now - timedelta(minutes=3))
        scan("TKT-001", at=now - timedelta(minutes=2), gate=SOUTH)
        report_attempt("TKT-001", at=now - timedelta(minutes=1))

        listed = history(boss, "TKT-001")

        assert sorted(listed[:2]) == [
            ("sale", "sale", "1 for 20.00 EUR, sale sale-TKT-001"),
            ("transfer", "successful", "ada to ben"),
        ]
        assert listed[2:] == [
            ("scan", "refused", "invalid_signature, scanner 1"),
            ("scan", "admitted", "scanner 1"),
            ("scan", "duplicate", "scanner 1"),
            ("invalid attempt", "reported", "screenshot, of a friend's"),
        ]

    def test_says_first_whether_the_ticket_was_admitted(self, boss: Client, now: datetime) -> None:
        sell("T-1", "T-2", day=now.date())
        scan("T-1", at=now)

        assert b"<b>Admitted</b>" in boss.get("/admin/tickets/?ticket_id=T-1").content
        assert b"<b>Not admitted</b>" in boss.get("/admin/tickets/?ticket_id=T-2").content

    def test_shows_a_reader_their_events_only(self, usher: Client, jazz: Event, now: datetime) -> None:
        scan("T-1", at=now)
        scan("T-1", at=now, event=JAZZ, gate="the jazz gate")
        sell("T-1", day=now.date(), event=JAZZ)

        answer = usher.get("/admin/tickets/", {"ticket_id": "T-1"})

        assert history(usher, "T-1") == [("scan", "admitted", "scanner 1")]
        assert "the jazz gate" not in answer.content.decode()

    def test_is_one_statement(self, boss: Client, now: datetime) -> None:
        scan("T-1", at=now)

        with recorded() as statements:
            history(boss, "T-1")

        assert len(statements) == 1

    @pytest.mark.parametrize("ticket_id", ["unknown", "x" * 129, "a\x00b", "<script>", "' OR 1=1 --"])
    def test_says_so_when_nothing_is_known(self, boss: Client, ticket_id: str) -> None:
        content = boss.get("/admin/tickets/", {"ticket_id": ticket_id}).content.decode()

        assert "Nothing is known of this ticket" in content
        assert "<script>'" not in content
        assert '<h2 id="history-title"><script>' not in content

    def test_asks_for_an_id_first(self, boss: Client) -> None:
        assert "Nothing is known" not in boss.get("/admin/tickets/").content.decode()

    def test_is_for_those_who_may_view_scans(self, newcomer: Client) -> None:
        assert newcomer.get("/admin/tickets/").status_code == 403
