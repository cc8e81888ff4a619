"""
Rows that the demo's upstream gets wrong, so that there is something to reject: five a year, one of each kind.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from etl.demo.events import EVENTS
from etl.demo.sales import midnight_of
from etl.demo.versions import Version, iso

_EVERY_DAYS = 73
_NOON = 43_200
_TEN_YEARS = 10 * 365 * 86_400


def mistakes_of_day(day: date) -> Iterator[Version]:
    """Yield the row that is wrong on `day`, on every 73rd day."""
    count, rest = divmod(day.toordinal(), _EVERY_DAYS)
    if rest:
        return
    at = midnight_of(day) + _NOON
    wrong = _wrong(at)[count % 5]
    fields = {**_right(at), **wrong}
    sent = tuple((name, value) for name, value in fields.items() if value is not None)
    yield Version(at, f"{day:%Y%m%d}-mistake", None, sent)


def _right(at: int) -> dict[str, Any]:
    event = EVENTS[0]
    return {
        "event_id": event.event_id,
        "quantity": 2,
        "unit_price": "45.50",
        "currency": event.currency,
        "sale_date": iso(at),
        "status": "completed",
    }


def _wrong(at: int) -> tuple[dict[str, Any], ...]:
    """Return what differs in each kind of mistake; None leaves the field out."""
    return (
        {"sale_date": "31/02 at noon"},
        {"quantity": -2},
        {"event_id": None},
        {"sale_date": iso(at + _TEN_YEARS)},
        {"currency": None},
    )
