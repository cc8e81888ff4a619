"""
Instants and days as a source sends them, in ISO 8601. An unreadable one is never replaced by today.
"""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from etl.parsing.values import Unreadable, shown

_fromisoformat = datetime.fromisoformat
# "2026-01-05"; what is longer has a time.
_DAY = 10


def is_day(value: Any) -> bool:
    """Return whether `value` is as short as a day without a time."""
    return isinstance(value, str) and len(value) <= _DAY


def usual_instant(value: Any) -> datetime | None:
    """Return the instant in UTC when `value` is a usual one; otherwise None: `instant` reads the others."""
    if type(value) is str and value[4:11:3] == "--T":
        try:
            at = _fromisoformat(value)
        except ValueError:
            return None
        if at.tzinfo is UTC:
            return at
    return None


def instant(field: str, value: Any, zone: ZoneInfo | None) -> datetime:
    """
    Return an aware instant in UTC; `zone` is that of a time without an offset.

    Raises:
        Unreadable: not an ISO 8601 date with a time, or without an offset where `zone` is None.
    """
    try:
        at = datetime.fromisoformat(value)
        if value[4] != "-" or value[7] != "-" or value[_DAY] not in "T ":
            raise _not_iso(field, value)
        if at.tzinfo is UTC:
            return at
        return at.astimezone(UTC) if at.tzinfo else _localised(field, value, at, zone)
    except (TypeError, ValueError, IndexError, OverflowError):
        raise _not_iso(field, value) from None


def day(field: str, value: str) -> date:
    """
    Return a day such as "2026-01-05".

    Raises:
        Unreadable: not of that form, or not in the calendar.
    """
    try:
        if value[4] != "-" or value[7] != "-":
            raise _not_iso(field, value)
        return date.fromisoformat(value)
    except (ValueError, IndexError):
        raise _not_iso(field, value) from None


def _localised(field: str, value: str, at: datetime, zone: ZoneInfo | None) -> datetime:
    if zone is None:
        cure = "send an offset such as Z, or set ETL_TIMEZONE"
        raise Unreadable(field, f"{shown(value)} has no offset from UTC: {cure}")
    first, second = (at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first != second:
        raise Unreadable(field, f"{shown(value)} is an hour that clocks in {zone.key} show twice or never")
    return first


def _not_iso(field: str, value: Any) -> Unreadable:
    return Unreadable(
        field, f"{shown(value)} is not an ISO-8601 date or instant, such as 2026-01-05T19:30:00Z"
    )
