"""Schedules: when they run, of which days, as whom, and what five failures do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, connections

from analytics.models import Event
from reports import permissions, schedule_outcome
from reports.models import Cadence, GeneratedReport, Schedule
from reports.schedules import due, times
from reports.tests.conftest import LODZ, store_schedule
from reports.tests.staff import forbid, member

WARSAW = "Europe/Warsaw"
MONDAY_NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestTheNextRun:
    @pytest.mark.parametrize(
        ("schedule", "after", "expected"),
        [
            ({"hour": 6}, "2025-06-02T05:59", "2025-06-02T06:00"),
            ({"hour": 6}, "2025-06-02T06:00", "2025-06-03T06:00"),
            ({"hour": 6, "timezone": WARSAW}, "2025-01-02T04:59", "2025-01-02T05:00"),
            ({"hour": 6, "timezone": WARSAW}, "2025-06-02T03:59", "2025-06-02T04:00"),
            ({"hour": 0, "timezone": "America/New_York"}, "2025-06-02T03:59", "2025-06-02T04:00"),
            ({"cadence": Cadence.WEEKLY, "weekday": 0}, "2025-06-02T06:00", "2025-06-09T06:00"),
            ({"cadence": Cadence.WEEKLY, "weekday": 6}, "2025-12-29T00:00", "2026-01-04T06:00"),
            # At 02:00 the clock goes to 03:00: the run is at 03:00, which is 01:00 in UTC.
            ({"hour": 2, "timezone": WARSAW}, "2025-03-29T12:00", "2025-03-30T01:00"),
            # 02:00 comes twice: once is enough.
            ({"hour": 2, "timezone": WARSAW}, "2025-10-25T12:00", "2025-10-26T00:00"),
            ({"hour": 2, "timezone": WARSAW}, "2025-10-26T00:00", "2025-10-27T01:00"),
        ],
    )
    def test_is_by_local_time(self, schedule: dict[str, Any], after: str, expected: str) -> None:
        given = Schedule(**{"cadence": Cadence.DAILY, "hour": 6, **schedule})

        assert times.next_run(given, after=at(after)) == at(expected)

    def test_refuses_an_unknown_zone(self) -> None:
        for name in ("Mars/Olympus", "../etc/passwd", ""):
            with pytest.raises(times.UnknownTimezone, match="Europe/Warsaw"):
                times.next_run(Schedule(cadence=Cadence.DAILY, timezone=name), after=MONDAY_NOON)


class TestThePeriod:
    @pytest.mark.parametrize(
        ("hour", "zone", "run_at", "day"),
        [
            (6, WARSAW, "2025-06-03T04:00", date(2025, 6, 2)),
            # Midnight of the third in Warsaw is still the second in UTC: that day is not over.
            (0, WARSAW, "2025-06-02T22:00", date(2025, 6, 1)),
            # One in the morning is midnight in UTC in winter; in summer it is not, so neither counts.
            (1, WARSAW, "2025-01-03T00:00", date(2025, 1, 1)),
            (6, "Asia/Tokyo", "2025-06-02T21:00", date(2025, 6, 1)),
            (9, "Asia/Tokyo", "2025-06-03T00:00", date(2025, 6, 2)),
            (23, "America/Los_Angeles", "2025-06-04T06:00", date(2025, 6, 2)),
        ],
    )
    def test_is_the_last_day_that_is_over_in_local_time_and_in_utc(
        self, hour: int, zone: str, run_at: str, day: date
    ) -> None:
        schedule = Schedule(cadence=Cadence.DAILY, hour=hour, timezone=zone)

        assert times.period(schedule, run_at=at(run_at)) == (day, day + timedelta(days=1))

    def test_is_the_last_seven_days_of_a_weekly_one(self) -> None:
        schedule = Schedule(cadence=Cadence.WEEKLY)

        assert times.period(schedule, run_at=at("2025-06-09T06:00")) == (date(2025, 6, 2), date(2025, 6, 9))

    @pytest.mark.parametrize("hour", range(24))
    @pytest.mark.parametrize(
        "zone",
        [
            *("UTC", WARSAW, "Europe/Dublin", "Africa/Casablanca", "Asia/Kathmandu", "Africa/Cairo"),
            *("America/New_York", "Pacific/Kiritimati", "Pacific/Chatham", "Pacific/Pago_Pago"),
        ],
    )
    def test_covers_every_day_once_and_none_that_still_runs(self, hour: int, zone: str) -> None:
        schedule = Schedule(cadence=Cadence.DAILY, hour=hour, timezone=zone)
        run_at, expected = at("2024-12-20T12:00"), None

        # Over both changes of the clock and two New Years.
        for _ in range(400):
            run_at = times.next_run(schedule, after=run_at)
            start, end = times.period(schedule, run_at=run_at)
            assert expected in {None, start}
            assert end <= run_at.date()
            expected = end


MakeSchedule = Callable[..., Schedule]


@pytest.fixture
def schedule(seller: User) -> MakeSchedule:
    def make(**changes: Any) -> Schedule:
        return store_schedule(seller, **{"next_run_at": MONDAY_NOON, **changes})

    return make


def queued() -> list[dict[str, Any]]:
    return [each.parameters for each in GeneratedReport.objects.order_by("requested_at", "parameters__start")]


class TestADueSchedule:
    def test_queues_its_report_for_its_owner_and_plans_the_next(self, schedule: MakeSchedule) -> None:
        given = schedule()

        assert due.run_due(now=MONDAY_NOON) == 1

        generated = GeneratedReport.objects.get()
        given.refresh_from_db()
        assert (generated.schedule, generated.requested_by) == (given, given.owner)
        assert generated.parameters == {"start": "2025-06-01", "end": "2025-06-02", "event_ids": None}
        assert (given.last_run_at, given.next_run_at) == (MONDAY_NOON, at("2025-06-03T06:00"))

    def test_runs_once_with_two_workers(self, schedule: MakeSchedule) -> None:
        schedule()

        def run(_: int) -> int:
            try:
                return due.run_due(now=MONDAY_NOON)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as workers:
            counts = list(workers.map(run, range(2)))

        assert sorted(counts) == [0, 1]

    def test_that_is_new_begins_with_the_next_time_on_the_clock(self, schedule: MakeSchedule) -> None:
        given = schedule(next_run_at=None)

        assert due.run_due(now=MONDAY_NOON) == 0

        given.refresh_from_db()
        assert given.next_run_at == at("2025-06-03T06:00")

    def test_catches_up_with_the_days_that_it_missed(self, schedule: MakeSchedule) -> None:
        schedule(next_run_at=MONDAY_NOON - timedelta(days=2, hours=6))

        due.run_due(now=MONDAY_NOON)

        assert [each["start"] for each in queued()] == ["2025-05-30", "2025-05-31", "2025-06-01"]

    def test_does_not_catch_up_with_more_than_a_week(self, schedule: MakeSchedule) -> None:
        schedule(next_run_at=MONDAY_NOON - timedelta(days=90))

        assert due.run_due(now=MONDAY_NOON) == 7

    def test_that_is_switched_off_does_not_run(self, schedule: MakeSchedule) -> None:
        schedule(is_active=False)

        assert due.run_due(now=MONDAY_NOON) == 0

    def test_is_narrowed_to_the_events_of_its_owner_as_they_are_now(
        self, schedule: MakeSchedule, lodz: Event
    ) -> None:
        schedule(owner=member("lodz-desk", "daily-sales", events=(lodz,)))

        due.run_due(now=MONDAY_NOON)

        assert [each["event_ids"] for each in queued()] == [[LODZ]]


class TestAScheduleThatFailsUnexpectedly:
    def test_says_where_to_look_and_leaves_the_others_alone(
        self, schedule: MakeSchedule, caplog: pytest.LogCaptureFixture
    ) -> None:
        given = schedule(parameters=["tonight"])
        schedule(next_run_at=MONDAY_NOON - timedelta(minutes=1))
        schedule()

        assert due.run_due(now=MONDAY_NOON) == 2

        given.refresh_from_db()
        assert given.last_error == (
            f"It stopped with AttributeError. The worker's log says where: look for schedule {given.pk}."
        )
        assert (given.failure_count, given.next_run_at) == (1, at("2025-06-03T06:00"))
        assert "Traceback" in caplog.text

    def test_counts_what_postgres_refused_too(self, schedule: MakeSchedule) -> None:
        given = schedule()
        rename_column("preview", "glimpse")
        try:
            assert due.run_due(now=MONDAY_NOON) == 0
        finally:
            rename_column("glimpse", "preview")

        given.refresh_from_db()
        assert (given.failure_count, given.last_error[:32]) == (1, "It stopped with ProgrammingError")

    def test_is_not_blamed_for_a_database_that_is_unavailable(
        self, schedule: MakeSchedule, locker: psycopg.Connection[Any]
    ) -> None:
        given = schedule()
        locker.execute("LOCK TABLE generated_reports IN ACCESS EXCLUSIVE MODE")

        with lock_timeout("50ms"), pytest.raises(OperationalError):
            due.run_due(now=MONDAY_NOON)

        locker.rollback()
        given.refresh_from_db()
        assert given.failure_count == 0


@contextmanager
def lock_timeout(duration: str) -> Iterator[None]:
    """Let Postgres refuse this thread's statements that wait longer for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = %s", [duration])
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")


def rename_column(old: str, new: str) -> None:
    """Break, or mend, every report that is to be queued."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE generated_reports RENAME COLUMN {old} TO {new}")


class TestAScheduleWhoseOwner:
    @pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
    def test_left_fails_and_says_so(self, schedule: MakeSchedule, change: dict[str, bool]) -> None:
        given = schedule()
        User.objects.update(**change)

        due.run_due(now=MONDAY_NOON)

        given.refresh_from_db()
        assert queued() == []
        assert given.failure_count == 1
        assert given.last_error == "The schedule's owner seller is not active staff: give it to somebody else"

    @pytest.mark.parametrize("permission", [permissions.to_generate, permissions.to_download])
    def test_lost_a_permission_fails_and_names_it(
        self, schedule: MakeSchedule, seller: User, permission: Callable[[str], str]
    ) -> None:
        given = schedule()
        forbid(seller, permission("daily-sales"))

        due.run_due(now=MONDAY_NOON)

        given.refresh_from_db()
        assert queued() == []
        assert permission("daily-sales") in given.last_error

    def test_lost_an_event_fails_and_names_it(
        self, schedule: MakeSchedule, tonight: Event, lodz: Event
    ) -> None:
        owner = member("lodz-desk", "daily-sales", events=(lodz,))
        given = schedule(owner=owner, parameters={"event_ids": ["tonight"]})

        due.run_due(now=MONDAY_NOON)

        given.refresh_from_db()
        assert "may not see tonight" in given.last_error


class TestFiveFailures:
    def test_switch_a_schedule_off_and_say_so(self, schedule: MakeSchedule) -> None:
        given = schedule(report="nightly")

        for days in range(6):
            due.run_due(now=MONDAY_NOON + timedelta(days=days))

        given.refresh_from_db()
        assert (given.is_active, given.failure_count) == (False, 5)
        assert given.last_error.startswith("Switched off after 5 failures in a row. The last one: The ")

    def test_do_not_count_over_a_success(self, schedule: MakeSchedule) -> None:
        given = schedule(failure_count=4, last_error="down")

        schedule_outcome.record_success(given.pk)
        schedule_outcome.record_failure(given.pk, "down again")

        given.refresh_from_db()
        assert (given.is_active, given.failure_count, given.last_error) == (True, 1, "down again")

    def test_are_forgotten_when_it_is_switched_on(self, schedule: MakeSchedule) -> None:
        given = schedule(failure_count=5, is_active=False, last_error="down")

        schedule_outcome.switch_on(given)

        given.refresh_from_db()
        assert (given.is_active, given.failure_count, given.last_error, given.next_run_at) == (
            True,
            0,
            "",
            None,
        )

    def test_of_its_time_zone_switch_it_off_too(self, schedule: MakeSchedule) -> None:
        given = schedule(timezone="Mars/Olympus")

        for days in range(6):
            due.run_due(now=MONDAY_NOON + timedelta(days=days))

        given.refresh_from_db()
        assert (given.is_active, given.failure_count) == (False, 5)
