"""
When a schedule runs, by the clock on the wall of its zone, and which days its report covers.

An hour that the clock skips in spring runs when the clock goes on; one that comes twice in autumn runs once,
the first time.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reports.models import Cadence, Schedule

DAYS = {Cadence.DAILY: 1, Cadence.WEEKLY: 7}


class UnknownTimezone(ValueError):
    """The schedule's time zone is none; use a name such as "Europe/Warsaw"."""


def next_run(schedule: Schedule, *, after: datetime) -> datetime:
    """
    Return the first instant after `after` at which the schedule runs, in UTC.

    Raises:
        UnknownTimezone: its zone is none.
    """
    day = after.astimezone(zone(schedule)).date()
    while (instant := _instant_of(schedule, day)) <= after or not _runs_on(schedule, day):
        day += timedelta(days=1)
    return instant


def period(schedule: Schedule, *, run_at: datetime) -> tuple[date, date]:
    """
    Return the days of the report due at `run_at`: the last day or seven days that are over, end excluded.

    A report of instants cuts its days in UTC, so a day counts as over when it is over there, too. Consecutive
    runs cover each day once.
    """
    today = run_at.astimezone(zone(schedule)).date()
    end = today - timedelta(days=_days_behind(schedule, today.year))
    return end - timedelta(days=DAYS[Cadence(schedule.cadence)]), end


def zone(schedule: Schedule) -> ZoneInfo:
    """
    Return the schedule's time zone.

    Raises:
        UnknownTimezone: there is none of that name.
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
