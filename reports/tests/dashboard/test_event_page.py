"""One event's page."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client

from analytics.models import Event
from core import db
from reports.models import EventAccess
from reports.queries.no_shows import PAGE_LENGTH
from reports.tests.dashboard.conftest import (
    JAZZ,
    SOUTH,
    TONIGHT,
    recorded,
    refuse,
    scan,
    sell,
)
from reports.tests.staff import client_of

TEN_PM = datetime(2026, 7, 1, 22, 10, tzinfo=UTC)
TWO_AM = datetime(2026, 7, 2, 2, 10, tzinfo=UTC)


def address(event_id: str = TONIGHT) -> str:
    return f"/admin/events/{quote(event_id)}/live/"


def page(client: Client, event_id: str = TONIGHT, **query: Any) -> str:
    """Return the page's text with single spaces and without tags."""
    answer = client.get(address(event_id), query)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


@pytest.mark.usefixtures("tonight")
class TestTheEventPage:
    def test_shows_what_sql_counts(
        self, boss: Client, jazz: Event, now: datetime, ask: Callable[..., Any]
    ) -> None:
        for number in range(5):
            scan(f"T-{number}", at=now)
        scan("T-0", at=now)
        scan("J-0", at=now, event=JAZZ)
        sell(*(f"T-{number}" for number in range(7)), day=now.date())
        admitted, duplicates = ask("""
            SELECT count(*) FILTER (WHERE outcome = 'admitted'), count(*) FILTER (WHERE outcome = 'duplicate')
            FROM ticket_scans WHERE event_id = 'tonight'
        """)

        text = page(boss)

        assert f"Admitted {admitted} of 7 tickets sold" in text
        assert f"Duplicates {duplicates} scans" in text
        assert "EUR, in all 140.00 7 tickets" in text

    def test_is_there_for_an_id_with_a_slash(self, boss: Client, jazz: Event) -> None:
        assert "Jazz night" in page(boss, JAZZ)

    def test_is_not_there_for_an_unknown_event(self, boss: Client) -> None:
        assert boss.get(address("nothing")).status_code == 404

    @pytest.mark.parametrize("quoted", ["%00", "tonight%00", "x" * 201])
    def test_is_not_there_for_what_postgres_cannot_hold(self, boss: Client, quoted: str) -> None:
        for page in ("live/", "live.json"):
            assert boss.get(f"/admin/events/{quoted}/{page}").status_code == 404

    @pytest.mark.parametrize("page", ["change", "history", "delete"])
    def test_is_not_there_to_be_changed_either(self, boss: Client, page: str) -> None:
        answer = boss.get(f"/admin/analytics/event/tonight%00/{page}/")

        # As Django answers for any object that does not exist, with a message.
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")

    def test_is_not_there_for_a_reader_of_other_events(self, usher: Client, jazz: Event) -> None:
        assert usher.get(address(JAZZ)).status_code == 404

    def test_takes_at_most_12_statements(self, boss: Client, usher: Client, now: datetime) -> None:
        scan("T-1", at=now)
        for client in (boss, usher):
            with recorded() as statements:
                page(client)

            assert statements.statement_count <= 12

    def test_says_what_is_missing(self, boss: Client) -> None:
        text = page(boss)

        assert "No scan in this night" in text
        assert "No sales of this event yet" in text
        assert "Nobody came in during the last hour" in text

    def test_shows_no_money_to_those_who_may_not_view_sales(self, newcomer: Client, now: datetime) -> None:
        sell("T-1", day=now.date())

        text = page(newcomer)

        assert "Admitted 0 of 1 tickets sold" in text
        assert "ask for the permission to view daily ticket sales" in text
        assert "EUR" not in text

    def test_is_linked_from_the_list_of_events(self, boss: Client, jazz: Event) -> None:
        events = boss.get("/admin/analytics/event/").content.decode()

        assert f'href="{address(TONIGHT)}"' in events
        assert f'href="{address(JAZZ)}"' in events


@pytest.mark.django_db(transaction=True)
class TestConnections:
    @pytest.mark.parametrize("page", ["/admin/", address()])
    def test_one_at_a_time_suffices_for_a_reader_whose_permissions_are_asked(
        self, usher: Client, page: str
    ) -> None:
        held: list[int] = []

        def note(*arguments: Any) -> None:
            held.append(db.pool_stats().checked_out)

        with ExitStack() as stack:
            sa.event.listen(db.get_engine(), "before_cursor_execute", note)
            stack.callback(sa.event.remove, db.get_engine(), "before_cursor_execute", note)
            assert usher.get(page).status_code == 200

        assert set(held) == {1}


@pytest.mark.usefixtures("tonight")
class TestTheHeatmap:
    def test_keeps_an_evening_that_ends_after_midnight_together(self, boss: Client) -> None:
        scan("T-1", at=TEN_PM)
        scan("T-2", at=TWO_AM)
        scan("T-3", at=TWO_AM, gate=SOUTH)
        refuse("T-4", at=TWO_AM, gate=SOUTH)

        gates = boss.get(address()).context["gates"]

        assert [(row.gate, row.scan_count, row.admitted_count, row.refused_count) for row in gates] == [
            ("north", 2, 2, 0),
            ("south", 2, 1, 1),
        ]
        assert [at for at, cell in enumerate(gates[0].cells) if cell.scan_count] == [22 - 6, 24 + 2 - 6]

    def test_shows_the_night_of_the_last_scan_unless_asked_for_another(self, boss: Client) -> None:
        scan("T-1", at=TEN_PM)
        scan("T-2", at=TWO_AM)

        assert "the night of 1 July 2026" in page(boss)
        assert "the night of 3 May 2026" in page(boss, night="2026-05-03")

    @pytest.mark.parametrize("night", ["yesterday", "2026-02-31", "9999-12-31", "0001-01-01", "'; --"])
    def test_takes_what_is_no_night_as_not_asked(self, boss: Client, night: str) -> None:
        scan("T-1", at=TEN_PM)

        assert "the night of 1 July 2026" in page(boss, night=night)

    def test_is_on_the_events_own_clock(self, boss: Client, tonight: Event) -> None:
        Event.objects.filter(pk=TONIGHT).update(timezone="Asia/Tokyo")
        scan("T-1", at=TEN_PM)

        answer = boss.get(address())

        assert answer.context["night"].day.isoformat() == "2026-07-02"
        assert answer.context["gates"][0].cells[1].scan_count == 1  # 07:10 in Tokyo

    def test_has_25_hours_when_the_clocks_go_back(self, boss: Client) -> None:
        Event.objects.filter(pk=TONIGHT).update(timezone="Europe/Berlin")

        answer = boss.get(address(), {"night": "2026-10-24"})

        assert len(answer.context["night"].hours) == 25

    def test_survives_a_time_zone_that_nobody_knows(self, boss: Client) -> None:
        Event.objects.filter(pk=TONIGHT).update(timezone="Mars/Olympus")

        assert "No scan in this night" in page(boss)


@pytest.mark.usefixtures("tonight")
class TestRefusals:
    def test_are_those_of_the_night_that_is_shown(self, boss: Client, now: datetime) -> None:
        refuse("T-1", at=TEN_PM)
        refuse("T-2", at=TWO_AM)
        refuse("T-3", at=now)

        asked, unasked = page(boss, night="2026-07-01"), page(boss)

        assert "Refusals by reason in the night of 1 July 2026 Invalid signature 2" in asked
        assert "Invalid signature 1" in unasked
        assert "Nobody was refused in this night." in page(boss, night="2026-05-03")

    def test_stay_those_of_that_night_when_they_are_refreshed(self, boss: Client, now: datetime) -> None:
        refuse("T-1", at=TEN_PM)
        scan("T-2", at=now)

        live_url = boss.get(address(), {"night": "2026-07-01"}).context["live_url"]

        assert [each["refused_count"] for each in boss.get(live_url).json()["refusals"]] == [1]


@pytest.mark.usefixtures("tonight")
class TestNoShows:
    def test_were_sold_not_refunded_and_not_admitted(self, boss: Client, now: datetime) -> None:
        sell("came", "absent", "given-back", "", day=now.date())
        sell("given-back", day=now.date(), kind="refund")
        sell("cancelled", day=now.date(), kind="cancelled")
        scan("came", at=now)

        no_shows = boss.get(address()).context["no_shows"]

        assert [row.ticket_id for row in no_shows.rows] == ["absent"]
        assert no_shows.total == 1

    def test_come_in_pages(self, boss: Client, now: datetime) -> None:
        sell(*(f"T-{number:03}" for number in range(PAGE_LENGTH + 1)), day=now.date())

        first, second, third = (
            boss.get(address(), {"page": page}).context["no_shows"] for page in ("1", "2", "3")
        )

        assert len(first.rows) == PAGE_LENGTH
        assert [row.ticket_id for row in second.rows] == [f"T-{PAGE_LENGTH:03}"]
        assert third.rows == []
        assert {first.total, second.total, third.total} == {PAGE_LENGTH + 1}

    @pytest.mark.parametrize("number", ["0", "-1", "two", "9" * 30, "²"])
    def test_begin_at_the_first_page_for_what_is_no_page(self, boss: Client, number: str) -> None:
        assert boss.get(address(), {"page": number}).context["page"] == 1

    def test_are_not_named_to_those_who_may_not_view_scans(self, tonight: Event, now: datetime) -> None:
        user = User.objects.create(username="cashier", is_staff=True)
        EventAccess.objects.create(user=user, event=tonight)
        sell("T-absent", day=now.date())

        text = page(client_of(user))

        assert "1 of 1 sold tickets have not come in" in text
        assert "T-absent" not in text
