"""
When a schedule runs, by the local time of its time zone, and which days its report covers.

A run at an hour that the clock skips in spring is at the next hour that exists; an hour that comes twice in
autumn has one run, the first time.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reports.models import Cadence, Schedule

DAYS = {Cadence.DAILY: 1, Cadence.WEEKLY: 7}


class UnknownTimezone(ValueError):
    """The schedule names a time zone that does not exist; use one such as "Europe/Warsaw"."""


def next_run(schedule: Schedule, *, after: datetime) -> datetime:
    """
    Return the first instant after `after` at which the schedule runs, in UTC.

    Raises:
        UnknownTimezone: its time zone does not exist.
    """
    day = after.astimezone(zone(schedule)).date()
    while (instant := _instant_of(schedule, day)) <= after or not _runs_on(schedule, day):
        day += timedelta(days=1)
    return instant


def period(schedule: Schedule, *, run_at: datetime) -> tuple[date, date]:
    """
    Return the days of the report due at `run_at`: the last day or seven days that are over, end excluded.

    A report of instants has UTC days, so a day must be over in UTC, too. Consecutive runs cover each day
    once.
    """
    today = run_at.astimezone(zone(schedule)).date()
    end = today - timedelta(days=_days_behind(schedule, today.year))
    return end - timedelta(days=DAYS[Cadence(schedule.cadence)]), end


def zone(schedule: Schedule) -> ZoneInfo:
    """
    Return the schedule's time zone.

    Raises:
        UnknownTimezone: no time zone has that name.
    """
    try:
        return ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownTimezone(
            f"{schedule.timezone!r} is no time zone: use a name such as Europe/Warsaw"
        ) from None


def _days_behind(schedule: Schedule, year: int) -> int:
    """
    Return 1 if the schedule's hour comes before midnight of UTC in some month of `year`, else 0.

    Asked of the whole year: a run that fell behind in summer only would repeat a day in spring, and leave one
    out in autumn.
    """
    firsts = [date(year, month, 1) for month in range(1, 13)]
    return int(any(_instant_of(schedule, first).date() < first for first in firsts))


def _runs_on(schedule: Schedule, day: date) -> bool:
    return schedule.cadence == Cadence.DAILY or day.weekday() == schedule.weekday


def _instant_of(schedule: Schedule, day: date) -> datetime:
    return datetime.combine(day, time(schedule.hour), tzinfo=zone(schedule)).astimezone(UTC)
