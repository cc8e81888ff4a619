"""
The 24 hours that staff call a night: they begin at six in the morning, where the event is.

An evening that ends at three is one night, not two days.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.dateparse import parse_date

BEGINS = time(6)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Night:
    """One night: the day on which it begins, and its instants (UTC; `start` included, `end` not)."""

    day: date
    start: datetime
    end: datetime
    zone: tzinfo

    @property
    def hours(self) -> list[datetime]:
        """Each hour's beginning, on the event's clock: 24 of them, 23 or 25 when the clocks change."""
        count = -((self.start - self.end) // _HOUR)
        return [(self.start + n * _HOUR).astimezone(self.zone) for n in range(count)]


def zone_of(name: str) -> tzinfo:
    """Return the time zone called `name`; UTC for an unknown name, since people type it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def night_of(day: date, zone: tzinfo) -> Night:
    """Return the night that begins on `day`."""
    start, end = (datetime.combine(each, BEGINS, tzinfo=zone) for each in (day, day + timedelta(days=1)))
    return Night(day=day, start=start.astimezone(UTC), end=end.astimezone(UTC), zone=zone)


def night_at(instant: datetime, zone: tzinfo) -> Night:
    """Return the night that `instant` belongs to."""
    local = instant.astimezone(zone)
    return night_of(local.date() if local.time() >= BEGINS else local.date() - timedelta(days=1), zone)


def asked_day(text: str) -> date | None:
    """Return the day that `text` names, such as "2026-07-01"; None when it names none that has a night."""
    try:
        day = parse_date(text)
    except ValueError:
        return None  # such as the 31st of April
    # A night needs the days around it, which the calendar's first and last ones lack.
    is_within = day is not None and date.min + timedelta(days=2) < day < date.max - timedelta(days=2)
    return day if is_within else None


def chosen_night(asked: date | None, *, zone: tzinfo, last_scan_at: datetime | None, now: datetime) -> Night:
    """Return the night that was asked for; else that of the last scan, else the one of `now`."""
    return night_of(asked, zone) if asked else night_at(last_scan_at or now, zone)
