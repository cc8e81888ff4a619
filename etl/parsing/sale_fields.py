"""
Each field of a sale, under whichever name it was sent. These readers alone decide what is right.

Each raises Unreadable with the name under which the field was sent, the value and the cure.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from analytics.limits import EVENT_ID, TICKET_ID
from etl.limits import SALE_ID
from etl.models.raw import SaleKind
from etl.parsing import instants, upstream_fields, values
from etl.parsing.dialect import Dialect
from etl.parsing.upstream_fields import UpstreamSale, first
from etl.parsing.values import Unreadable, shown

# Plain text: a million rows share these three.
SALE, REFUND, CANCELLED = (str(kind.value) for kind in SaleKind)

# A word that is not listed here is rejected: whether money came in is not guessed.
_PLAIN_SALE = ("paid", "completed", "confirmed", "active")
_KIND_BY_STATUS = dict.fromkeys(_PLAIN_SALE, SALE) | dict.fromkeys(
    ("cancelled", "canceled", "refunded", "void", "voided"), CANCELLED
)
_KIND_BY_TYPE = {"sale": SALE, "purchase": SALE, "refund": REFUND}


def upstream_id(sale: UpstreamSale) -> str:
    """Return the id that the upstream gives `sale`; "" when it cannot be read."""
    try:
        return sale_id(sale)
    except Unreadable:
        return ""


def sale_id(sale: UpstreamSale) -> str:
    name, value = first(sale, upstream_fields.SALE_ID)
    if value is None:
        raise Unreadable(name, "is missing: a sale is known by its id")
    return values.text(name, value, length=SALE_ID)


def event_id(sale: UpstreamSale) -> str:
    name, value = first(sale, upstream_fields.SALE_EVENT)
    if value is None:
        raise Unreadable(name, "is missing: a sale belongs to an event")
    return values.text(name, value, length=EVENT_ID)


def ticket_id(sale: UpstreamSale) -> str:
    name, value = first(sale, upstream_fields.TICKET)
    return "" if value is None else values.text(name, value, length=TICKET_ID)


def quantity(sale: UpstreamSale) -> int:
    name, value = first(sale, upstream_fields.QUANTITY)
    return 1 if value is None else values.quantity(name, value)


def amount(sale: UpstreamSale, tickets: int) -> Decimal:
    name, value = first(sale, upstream_fields.TOTAL)
    if value is not None:
        return values.money(name, value)
    name, value = first(sale, upstream_fields.PRICE)
    if value is None:
        raise Unreadable(upstream_fields.TOTAL[0], "is missing, and so is the price: send one of them")
    return values.money(name, values.money(name, value) * tickets)


def currency(sale: UpstreamSale, dialect: Dialect) -> str:
    name, value = first(sale, upstream_fields.CURRENCY)
    if value is not None:
        return values.currency(name, value)
    if not dialect.currency:
        raise Unreadable(name, "is missing: send it with each sale, or set ETL_CURRENCY")
    return dialect.currency


def sold(sale: UpstreamSale, dialect: Dialect) -> tuple[datetime | None, date | None]:
    """Return when `sale` was made: an instant, or the day where the upstream sends no time."""
    name, value = first(sale, upstream_fields.SOLD)
    if value is None:
        raise Unreadable(name, "is missing: a sale belongs to a day")
    if instants.is_day(value):
        sold_on = instants.day(name, value)
        if sold_on > dialect.latest_on:
            raise _in_the_future(name, value)
        return None, sold_on
    sold_at = instants.instant(name, value, dialect.zone)
    if sold_at > dialect.latest_at:
        raise _in_the_future(name, value)
    return sold_at, None


def updated_at(sale: UpstreamSale, dialect: Dialect) -> datetime | None:
    name, value = first(sale, upstream_fields.UPDATED)
    return None if value is None else instants.instant(name, value, dialect.zone)


def kind_of(sale: UpstreamSale) -> str:
    """Return "sale", "refund" or "cancelled", by which the row counts."""
    status = sale.status
    if sale.type is None and sale.kind is None and type(status) is str and status in _PLAIN_SALE:
        return SALE
    return _kind_by_status_and_type(sale)


def _kind_by_status_and_type(sale: UpstreamSale) -> str:
    status_name, status_word = first(sale, upstream_fields.STATUS)
    type_name, type_word = first(sale, upstream_fields.TYPE)
    status = SALE if status_word is None else _known(status_name, status_word, _KIND_BY_STATUS)
    if type_word is None:
        return status
    kind = _known(type_name, type_word, _KIND_BY_TYPE)
    if kind == REFUND and str(status_word).lower() == "refunded":
        raise Unreadable(status_name, "a refund that is 'refunded' may count or not: send it as completed")
    return status if status == CANCELLED else kind


def _known(field: str, word: Any, kinds: dict[str, str]) -> str:
    kind = kinds.get(word.lower()) if isinstance(word, str) else None
    if kind is None:
        raise Unreadable(field, f"{shown(word)} is not one of {', '.join(kinds)}: nothing is guessed")
    return kind


def _in_the_future(field: str, value: str) -> Unreadable:
    return Unreadable(field, f"{shown(value)} is more than a day in the future: check the source's clock")
