"""
Each field of a sale, under whichever name it is told. These readers alone decide what is right.

Each raises Unreadable with the name under which the field was told, the value and the cure.
"""

from datetime import date, datetime
from decimal import Decimal

from analytics.limits import EVENT_ID, TICKET_ID
from etl.limits import SALE_ID
from etl.parsing import instants, upstream_fields, values
from etl.parsing.rules import Rules
from etl.parsing.upstream_fields import ToldSale, first
from etl.parsing.values import Unreadable, shown


def upstream_id(sale: ToldSale) -> str:
    """Return the id that the upstream gives `sale`; "" when it has none that can be read."""
    try:
        return sale_id(sale)
    except Unreadable:
        return ""


def sale_id(sale: ToldSale) -> str:
    name, value = first(sale, upstream_fields.SALE_ID)
    if value is None:
        raise Unreadable(name, "is missing: a sale is known by its id")
    return values.text(name, value, length=SALE_ID)


def event_id(sale: ToldSale) -> str:
    name, value = first(sale, upstream_fields.SALE_EVENT)
    if value is None:
        raise Unreadable(name, "is missing: a sale belongs to an event")
    return values.text(name, value, length=EVENT_ID)


def ticket_id(sale: ToldSale) -> str:
    name, value = first(sale, upstream_fields.TICKET)
    return "" if value is None else values.text(name, value, length=TICKET_ID)


def quantity(sale: ToldSale) -> int:
    name, value = first(sale, upstream_fields.QUANTITY)
    return 1 if value is None else values.quantity(name, value)


def amount(sale: ToldSale, tickets: int) -> Decimal:
    name, value = first(sale, upstream_fields.TOTAL)
    if value is not None:
        return values.money(name, value)
    name, value = first(sale, upstream_fields.PRICE)
    if value is None:
        raise Unreadable(upstream_fields.TOTAL[0], "is missing, and so is the price: send one of them")
    return values.money(name, values.money(name, value) * tickets)


def currency(sale: ToldSale, rules: Rules) -> str:
    name, value = first(sale, upstream_fields.CURRENCY)
    if value is not None:
        return values.currency(name, value)
    if not rules.currency:
        raise Unreadable(name, "is missing: send it with each sale, or set ETL_CURRENCY")
    return rules.currency


def sold(sale: ToldSale, rules: Rules) -> tuple[datetime | None, date | None]:
    name, value = first(sale, upstream_fields.SOLD)
    if value is None:
        raise Unreadable(name, "is missing: a sale belongs to a day")
    if instants.is_day(value):
        sold_on = instants.day(name, value)
        if sold_on > rules.latest_on:
            raise _in_the_future(name, value)
        return None, sold_on
    sold_at = instants.instant(name, value, rules.zone)
    if sold_at > rules.latest_at:
        raise _in_the_future(name, value)
    return sold_at, None


def updated_at(sale: ToldSale, rules: Rules) -> datetime | None:
    name, value = first(sale, upstream_fields.UPDATED)
    return None if value is None else instants.instant(name, value, rules.zone)


def _in_the_future(field: str, value: str) -> Unreadable:
    return Unreadable(field, f"{shown(value)} is more than a day in the future: check the source's clock")
