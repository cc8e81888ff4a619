"""
The 24 hours that staff call a night: they begin at six in the morning, where the event is.

An evening that ends at three is one night, not two days.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
    """Return the time zone called `name`; UTC for a name that nobody knows, since people type it."""
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
