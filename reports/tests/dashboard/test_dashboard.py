"""The dashboard: what staff see when they open the admin."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.models import Event
from reports.dashboard.sales import MAY_SEE_SALES
from reports.tests.dashboard.conftest import (
    JAZZ,
    SOUTH,
    make_event,
    ran,
    recorded,
    refuse,
    scan,
    sell,
)
from reports.tests.staff import allow, client_of


def page(client: Client) -> str:
    """Return the page's text with single spaces and without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html(client)))


def html(client: Client) -> str:
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def _busy_evening(tonight: Event, jazz: Event, now: datetime) -> None:
    for number in range(30):
        scan(f"T-{number}", at=now - timedelta(minutes=number % 50))
    scan("T-1", at=now, gate=SOUTH)
    scan("J-1", at=now, event=JAZZ)
    refuse("T-2", at=now)
    sell("T-1", "T-2", "T-3", day=now.date())
    sell("J-1", day=now.date(), event=JAZZ, currency="GBP", price="1234.50")


@pytest.mark.usefixtures("_busy_evening")
class TestOnABusyEvening:
    def test_shows_what_sql_counts(self, boss: Client, ask: Callable[..., Any]) -> None:
        admitted = ask("SELECT count(*) FROM admissions")
        sold = ask("SELECT sum(quantity) FROM raw_sales WHERE kind = 'sale'")
        duplicates = ask("SELECT count(*) FROM ticket_scans WHERE outcome = 'duplicate'")
        refused = ask("SELECT count(*) FROM ticket_scans WHERE outcome = 'refused'")

        totals = page(boss)

        assert f"Admitted {admitted:,} of {sold} tickets sold" in totals
        assert f"Duplicates {duplicates} scans" in totals
        assert f"Refused {refused} scans" in totals
        assert "Invalid signature 1" in totals

    def test_shows_the_event_of_the_latest_scan_first(self, boss: Client, now: datetime) -> None:
        scan("J-2", at=now + timedelta(seconds=1), event=JAZZ)

        assert page(boss).index("Jazz night") < page(boss).index("Tonight&#x27;s concert")

    def test_never_adds_money_of_two_currencies(self, boss: Client) -> None:
        text = page(boss)

        assert "EUR 60.00 3 tickets" in text
        assert "GBP 1,234.50 1 ticket" in text

    def test_totals_the_days_of_its_chart(self, boss: Client, now: datetime) -> None:
        for days in (-30, -29, 1):
            sell(f"sold {days}", day=now.date() + timedelta(days=days), currency="NZD")

        shown = boss.get("/admin/").context

        drawn = {line["label"]: sum(line["counts"]) for line in shown["sales_chart"]["series"]}
        assert drawn["NZD"] == 1
        assert {total.currency: total.ticket_count for total in shown["sales_totals"]} == drawn

    def test_shows_no_money_to_those_who_may_not_view_sales(self, newcomer: Client) -> None:
        text = html(newcomer)

        assert "ask for the permission to view daily ticket sales" in text
        assert "sales-data" not in text
        assert "EUR" not in text

    def test_shows_it_to_those_who_may(self, tonight: Event) -> None:
        accountant = User.objects.create(username="accountant", is_staff=True)
        allow(accountant, MAY_SEE_SALES)

        assert "EUR 60.00 3 tickets" in page(client_of(accountant))

    def test_takes_at_most_12_statements(self, boss: Client, usher: Client) -> None:
        for client in (boss, usher):
            with recorded() as statements:
                html(client)

            assert statements.statement_count <= 12

    def test_limits_staff_to_their_events(self, usher: Client, ask: Callable[..., Any]) -> None:
        admitted = ask("SELECT count(*) FROM admissions WHERE event_id = 'tonight'")

        text = html(usher)

        assert "Jazz night" not in text
        assert JAZZ not in text
        assert "GBP" not in text
        assert f"{admitted:,}" in text
        assert "You see the events that you were given access to" in text

    def test_asks_no_other_host_for_anything(self, boss: Client) -> None:
        addresses = re.findall(r"""(?:src|href|action)=["'](?:https?:)?//[^"']*""", html(boss))

        assert addresses == []


class TestWithoutEvents:
    def test_says_what_to_do(self, boss: Client) -> None:
        text = page(boss)

        assert "No event tonight." in text
        assert "Add one that starts within 12 hours" in text
        assert "Nobody was refused" in text
        assert "No sales in this time" in text
        assert "The ETL has not run yet" in text

    def test_offers_nothing_that_the_reader_may_not_do(self, newcomer: Client) -> None:
        assert "Ask for one" in page(newcomer)
        assert "/event/add/" not in html(newcomer)


class TestWithAHundredEvents:
    def test_lists_them_all_for_the_same_number_of_statements(
        self, boss: Client, tonight: Event, now: datetime
    ) -> None:
        with recorded() as with_one:
            html(boss)
        for number in range(99):
            make_event(f"event-{number}", f"Event {number}", starts_at=now + timedelta(minutes=number))

        with recorded() as with_a_hundred:
            text = html(boss)

        assert text.count('<tr data-event="') == 101  # and the script's template
        assert with_a_hundred.statement_count == with_one.statement_count


class TestTheAgeOfTheData:
    def test_is_that_of_the_last_run_that_was_done(self, boss: Client, now: datetime) -> None:
        ran(started_at=now - timedelta(hours=3), finished_at=now - timedelta(hours=2))

        assert re.search(r"2.hours ago the ETL last finished", page(boss))

    def test_does_not_hide_that_a_newer_one_failed(self, boss: Client, now: datetime) -> None:
        ran(started_at=now - timedelta(hours=3), finished_at=now - timedelta(hours=2))
        ran("failed", started_at=now - timedelta(minutes=5), finished_at=now)

        text = page(boss)

        assert re.search(r"2.hours ago the ETL last finished", text)
        assert re.search(r"The newest run, \d+ of shop, began 5.minutes ago: failed", text)


class TestAVisitor:
    @pytest.mark.parametrize(
        "address", ["/admin/", "/admin/live.json", "/admin/events/x/live/", "/admin/tickets/"]
    )
    @pytest.mark.django_db
    def test_is_sent_to_the_login(self, client: Client, address: str) -> None:
        answer = client.get(address)

        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")
