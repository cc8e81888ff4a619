"""The questions behind the pages: their windows and their order."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from analytics.models import Event, EventCounter
from core.db import get_engine
from reports import queries
from reports.tests.dashboard.conftest import (
    JAZZ,
    TONIGHT,
    make_event,
    refuse,
    report_attempt,
    scan,
    sell,
    transfer,
)


@pytest.fixture
def connection(db: None) -> Iterator[sa.Connection]:
    with get_engine().connect() as borrowed:
        yield borrowed


@pytest.fixture
def tonights_ids(connection: sa.Connection, now: datetime) -> Any:
    def ask(*, event_ids: tuple[str, ...] | None = None) -> list[str]:
        events = queries.tonights_events(connection=connection, now=now, event_ids=event_ids)
        return [event.event_id for event in events]

    return ask


class TestTonightsEvents:
    @pytest.mark.parametrize(
        ("starts_in", "ends_in", "is_tonight"),
        [
            (-1, 2, True),
            (11.9, None, True),
            (12.1, None, False),
            (-11.9, None, True),
            (-12.1, None, False),
            (-100, 1, True),
            (-2, -1, False),
        ],
    )
    def test_begin_within_12_hours_or_are_not_over(
        self, tonights_ids: Any, now: datetime, *, starts_in: float, ends_in: float | None, is_tonight: bool
    ) -> None:
        ends_at = None if ends_in is None else now + timedelta(hours=ends_in)
        make_event(TONIGHT, TONIGHT, starts_at=now + timedelta(hours=starts_in), ends_at=ends_at)

        assert tonights_ids() == ([TONIGHT] if is_tonight else [])

    def test_are_those_that_are_scanned_for_whatever_the_calendar_says(
        self, tonights_ids: Any, now: datetime
    ) -> None:
        scan("T-1", at=now - timedelta(hours=11.9))
        scan("T-1", at=now - timedelta(hours=12.1), event="yesterday's")

        assert tonights_ids() == [TONIGHT]

    def test_are_not_made_by_transfers_nor_by_reported_attempts(
        self, tonights_ids: Any, now: datetime
    ) -> None:
        make_event(TONIGHT, TONIGHT, starts_at=now + timedelta(days=90))
        transfer(TONIGHT, at=now)
        report_attempt(TONIGHT, at=now)

        assert tonights_ids() == []

    def test_are_not_made_by_a_transfer_after_a_scan_that_is_long_ago(
        self, tonights_ids: Any, now: datetime
    ) -> None:
        scan("T-1", at=now - timedelta(hours=12.1))
        # As a transfer leaves it that met the scan's own row, which chance decides.
        EventCounter.objects.update(day=now.date(), last_updated=now)

        assert tonights_ids() == []

    def test_are_limited_to_those_that_are_asked_for(
        self, tonights_ids: Any, tonight: Event, jazz: Event
    ) -> None:
        assert tonights_ids(event_ids=(JAZZ,)) == [JAZZ]
        assert tonights_ids(event_ids=()) == []

    def test_begin_with_the_latest_scan(
        self, tonights_ids: Any, tonight: Event, jazz: Event, now: datetime
    ) -> None:
        make_event("early", "early", starts_at=now - timedelta(hours=3))
        scan("T-1", at=now - timedelta(minutes=2))
        scan("J-1", at=now - timedelta(minutes=1), event=JAZZ)

        assert tonights_ids() == [JAZZ, TONIGHT, "early"]

    def test_keep_their_last_scan_when_a_ticket_is_transferred(
        self, connection: sa.Connection, tonight: Event, now: datetime
    ) -> None:
        scan("T-1", at=now - timedelta(minutes=5))
        transfer(TONIGHT, at=now)
        # Its counter row may be the scan's own: chance decides, so let it be.
        EventCounter.objects.update(last_updated=now)

        numbers = queries.event_numbers(connection=connection, event_id=TONIGHT)

        assert numbers is not None
        assert numbers.last_scan_at == now - timedelta(minutes=5)

    def test_are_counted_over_days_and_shards(
        self, connection: sa.Connection, tonight: Event, now: datetime
    ) -> None:
        for day in range(3):
            for shard in range(4):
                EventCounter.objects.create(
                    event=tonight,
                    day=now.date() - timedelta(days=day),
                    shard=shard,
                    scan_count=7,
                    admitted_count=5,
                    duplicate_count=2,
                    last_updated=now - timedelta(days=day),
                )
        sell("T-1", day=now.date())
        sell("T-2", day=now.date(), currency="GBP")

        (numbers,) = queries.tonights_events(connection=connection, now=now, event_ids=None)

        assert (numbers.admitted_count, numbers.duplicate_count, numbers.refused_count) == (60, 24, 0)
        assert numbers.sold_count == 2
        assert numbers.missing_count == 0


class TestAdmissionsPerMinute:
    def test_are_those_of_the_last_60_minutes(self, connection: sa.Connection, now: datetime) -> None:
        first = now.replace(second=0, microsecond=0) - timedelta(minutes=59)
        scan("too early", at=first - timedelta(microseconds=1))
        scan("first", at=first)
        scan("now", at=now)
        scan("now", at=now)
        refuse("forged", at=now)

        minutes = queries.admissions_per_minute(connection=connection, now=now, event_ids=[TONIGHT])

        assert [(each.minute, each.admitted_count) for each in minutes] == [
            (first, 1),
            (now.replace(second=0, microsecond=0), 1),
        ]


class TestRefusalsByReason:
    @pytest.mark.parametrize("event_ids", [None, (TONIGHT,)])
    def test_take_the_start_in_and_the_end_not(
        self, connection: sa.Connection, tonight: Event, now: datetime, event_ids: tuple[str, ...] | None
    ) -> None:
        start, moment = now - timedelta(hours=12), timedelta(microseconds=1)
        for at in (start - moment, start, now - moment, now):
            refuse("T-1", at=at)

        counts = [
            queries.refusals_by_reason(connection=connection, start=start, end=end, event_ids=event_ids)
            for end in (now, None)
        ]

        assert [[(each.reason, each.refused_count) for each in count] for count in counts] == [
            [("invalid_signature", 2)],
            [("invalid_signature", 3)],
        ]


class TestSalesPerDay:
    def test_subtract_refunds_and_keep_currencies_apart(
        self, connection: sa.Connection, tonight: Event, now: datetime
    ) -> None:
        sell("T-1", "T-2", day=now.date())
        sell("T-1", day=now.date(), kind="refund")
        sell("T-3", day=now.date(), currency="GBP", price="15.50")
        sell("T-4", day=now.date() - timedelta(days=1))

        days = queries.sales_per_day(connection=connection, event_ids=None, first=now.date())

        assert [(day.currency, day.ticket_count, str(day.revenue)) for day in days] == [
            ("EUR", 1, "20.0000"),
            ("GBP", 1, "15.5000"),
        ]

    def test_are_those_from_the_first_day_to_the_last(
        self, connection: sa.Connection, tonight: Event, now: datetime
    ) -> None:
        days = [now.date() + timedelta(days=number) for number in range(-2, 3)]
        for day in days:
            sell(f"T-{day}", day=day)

        between, all_of_them = (
            queries.sales_per_day(connection=connection, event_ids=(TONIGHT,), first=first, last=last)
            for first, last in ((days[1], days[3]), (None, None))
        )

        assert [each.sale_date for each in between] == days[1:4]
        assert [each.sale_date for each in all_of_them] == days
