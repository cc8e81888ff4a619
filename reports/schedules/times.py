"""
When a schedule runs, and which days its report covers: by the clock on the wall of the schedule's zone.

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
    """Return the days of the report due at `run_at`: the day or the seven days before, end excluded."""
    end = run_at.astimezone(zone(schedule)).date()
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


def _runs_on(schedule: Schedule, day: date) -> bool:
    return schedule.cadence == Cadence.DAILY or day.weekday() == schedule.weekday


def _instant_of(schedule: Schedule, day: date) -> datetime:
    return datetime.combine(day, time(schedule.hour), tzinfo=zone(schedule)).astimezone(UTC)
