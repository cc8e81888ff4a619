"""
A sale as the upstream sends it, as a typed row.

`sale_row` runs for every sale, so it checks the usual case itself: one of two names, one type, within bounds.
All else goes the long way, through the readers of `sale_fields`, which alone decide what is right.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from analytics.limits import EVENT_ID, TICKET_ID
from etl.limits import QUANTITY, SALE_ID
from etl.parsing import sale_fields, upstream_fields
from etl.parsing.dialect import Dialect
from etl.parsing.instants import usual_instant
from etl.parsing.upstream_fields import UpstreamSale, fields_of, first
from etl.parsing.values import CURRENCIES, Unreadable, money
from etl.rows import Rejection, SaleRow

# The class's own constructor is a Python function around this one: half of its cost, for every row.
_new = tuple.__new__

_canonical = msgspec.json.Encoder(order="deterministic")
# A number further from one than this is not written out: it could take all memory.
_WRITTEN_OUT = 100


def sale_row(sale: UpstreamSale, dialect: Dialect) -> SaleRow:
    """
    Return the row of `sale`.

    Raises:
        Unreadable: a field is missing (the sale's own id, too) or cannot be read.
    """
    # Printable text has no NUL and no half characters.
    sale_id = sale.id if sale.sale_id is None else sale.sale_id
    if not (type(sale_id) is str and sale_id.isprintable() and 0 < len(sale_id) <= SALE_ID):
        sale_id = sale_fields.sale_id(sale)
    event_id = sale.eventId if sale.event_id is None else sale.event_id
    if not (type(event_id) is str and event_id.isprintable() and 0 < len(event_id) <= EVENT_ID):
        event_id = sale_fields.event_id(sale)
    ticket_id = sale.ticketId if sale.ticket_id is None else sale.ticket_id
    if not (type(ticket_id) is str and ticket_id.isprintable() and 0 < len(ticket_id) <= TICKET_ID):
        ticket_id = sale_fields.ticket_id(sale)
    quantity = sale.qty if sale.quantity is None else sale.quantity
    if not (type(quantity) is int and 0 <= quantity <= QUANTITY):
        quantity = sale_fields.quantity(sale)
    total = sale.total_amount
    amount = money("total_amount", total) if type(total) is Decimal else sale_fields.amount(sale, quantity)
    currency = sale.currency_code if sale.currency is None else sale.currency
    currency = CURRENCIES.get(currency) if type(currency) is str else None
    currency = currency or sale_fields.currency(sale, dialect)
    sold, changed = sale.created_at if sale.sale_date is None else sale.sale_date, sale.updated_at
    usual_at = usual_instant(sold)
    sold_at, sold_on = usual_at, None
    if sold_at is None or sold_at > dialect.latest_at:
        sold_at, sold_on = sale_fields.sold(sale, dialect)
    # Most sales are never changed after they were made: one instant is read once.
    updated_at = usual_at if changed == sold else usual_instant(changed)
    updated_at = updated_at or sale_fields.updated_at(sale, dialect)
    kind = sale_fields.kind_of(sale)
    row = (sale_id, event_id, kind, quantity, amount, currency, sold_at, sold_on, updated_at, ticket_id)
    return _new(SaleRow, row)


def read_sale(payload: Mapping[str, Any], dialect: Dialect) -> SaleRow | Rejection:
    """Read one sale, refund or cancelled sale; one without an id gets one from `identity_of`."""
    sale = fields_of(UpstreamSale, payload)
    upstream_id = sale_fields.upstream_id(sale)
    try:
        if first(sale, upstream_fields.SALE_ID)[1] is None:
            sale.sale_id = identity_of(payload)
        return sale_row(sale, dialect)
    except Unreadable as fault:
        return Rejection(payload, upstream_id, fault.field, fault.reason)


def identity_of(payload: Mapping[str, Any]) -> str:
    """
    Return an id for a sale without one: "sha256:" and 64 hex digits, a hash of all that the source sends.

    Equal rows have equal ids, whatever the order of their keys and however their numbers are written.
    """
    try:
        canonical = _canonical.encode(_plain(payload))
    except UnicodeEncodeError:
        # Half of a character, as JSON may escape it.
        canonical = repr(sorted(payload.items())).encode()
    return f"sha256:{hashlib.sha256(canonical).hexdigest()}"


def _plain(value: Any) -> Any:
    """Replace each number by one way to write it, marked so that it differs from the same text."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return [_digits(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))]
    return value


def _digits(number: Decimal) -> str:
    if not number or not number.is_finite():
        return "0" if not number else str(number)
    # Not normalize(): it rounds to the context's precision.
    if abs(number.adjusted()) > _WRITTEN_OUT:
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
