"""
The demo's sales. A day's sales depend on that day alone: a later start has the same sales, and newer ones.

One sale in a dozen does not stay as it was: it is corrected, cancelled or refunded within a few days.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from analytics import tonight
from etl.demo.events import EVENTS, TONIGHT, DemoEvent
from etl.demo.versions import Fields, Version, iso

DAYS = 365
_DAY_SECONDS = 86_400
_WEIGHTS = [event.weight for event in EVENTS]
# Sales of a day, Monday to Sunday: 23,700 a year.
_SALES_OF_WEEKDAY = (50, 50, 55, 60, 80, 90, 70)
_QUANTITIES = (1, 1, 2, 2, 2, 3, 4)
# How many of all sales change; of the rest, from how many one ticket is given back.
_CANCELLED, _ENLARGED, _MOVED, _REFUNDED = 0.03, 0.02, 0.01, 0.02
_CHANGED = _CANCELLED + _ENLARGED + _MOVED


def sales_of_day(day: date) -> Iterator[Version]:
    """Yield the versions of all sales that are made on `day`, UTC."""
    # Text as a seed: the same on every machine and in every process.
    chance = Random(f"turnstile {day.isoformat()}")
    midnight = midnight_of(day)
    for number in range(_SALES_OF_WEEKDAY[day.weekday()] + chance.randint(-5, 5)):
        event = chance.choices(EVENTS, _WEIGHTS)[0]
        sold_at = midnight + chance.randrange(_DAY_SECONDS)
        quantity = chance.choice(_QUANTITIES)
        yield from _life(f"{day:%Y%m%d}-{number:03}", event, sold_at, quantity, chance)


def sales_of_tonight(today: date) -> Iterator[Version]:
    """
    Yield one sale for each signed ticket, made in the 30 days before `today`.

    Tonight's event is another one each day: each day its sales are listed again, from midnight on.
    """
    midnight = midnight_of(today)
    for number in range(1, tonight.TICKET_COUNT + 1):
        chance = Random(f"turnstile {number}")
        sold_at = midnight - chance.randrange(30 * _DAY_SECONDS)
        fields = _fields(TONIGHT, sold_at, quantity=1, ticket_id=tonight.ticket_id(number))
        yield Version(midnight, f"tonight-{number:03}", None, fields)


def midnight_of(day: date) -> int:
    """Return when `day` begins, UTC, in seconds since 1970."""
    return int(datetime.combine(day, time(), UTC).timestamp())


def days_until(today: date, *, ahead: int) -> list[date]:
    """Return the DAYS days before `today`, `today`, and `ahead` days after it."""
    return [today + timedelta(days=offset) for offset in range(-DAYS, ahead + 1)]


def _life(sale_id: str, event: DemoEvent, sold_at: int, quantity: int, chance: Random) -> Iterator[Version]:
    fate, changed_at = chance.random(), sold_at + chance.randrange(3600, 6 * _DAY_SECONDS)
    later = _later_version(event, sold_at, quantity, fate=fate, other=chance.choice(EVENTS))
    yield Version(sold_at, sale_id, changed_at if later else None, _fields(event, sold_at, quantity))
    if later:
        yield Version(changed_at, sale_id, None, later)
    elif fate < _CHANGED + _REFUNDED:
        yield Version(changed_at, f"{sale_id}-refund", None, _fields(event, changed_at, 1, type="refund"))


def _later_version(event: DemoEvent, sold_at: int, quantity: int, *, fate: float, other: DemoEvent) -> Fields:
    """Return what replaces a sale: cancelled, with a ticket more, or of another event; nothing for most."""
    if fate < _CANCELLED:
        return _fields(event, sold_at, quantity, status="cancelled")
    if fate < _CANCELLED + _ENLARGED:
        return _fields(event, sold_at, quantity + 1)
    return _fields(other, sold_at, quantity) if fate < _CHANGED else ()


def _fields(event: DemoEvent, sold_at: int, quantity: int, **more: str) -> Fields:
    fields: dict[str, Any] = {
        "event_id": event.event_id,
        "quantity": quantity,
        "unit_price": f"{event.price // 100}.{event.price % 100:02}",
        "currency": event.currency,
        "sale_date": iso(sold_at),
        "status": "completed",
        **more,
    }
    return tuple(fields.items())
