"""
A sale as the upstream tells it, as a typed row.

`sale_row` runs for every sale, so it looks at the usual case itself: one of two names, one type, within
bounds. All else goes the long way, through the readers of `sale_fields`, which alone decide what is right.
"""

from decimal import Decimal

from analytics.limits import EVENT_ID, TICKET_ID
from etl.limits import QUANTITY, SALE_ID
from etl.parsing import sale_fields
from etl.parsing.instants import usual_instant
from etl.parsing.rules import Rules
from etl.parsing.upstream_fields import UpstreamSale
from etl.parsing.values import CURRENCIES, money
from etl.rows import SaleRow

# The class's own constructor is a Python function around this one: half of its cost, for every row.
_new = tuple.__new__


def sale_row(sale: UpstreamSale, rules: Rules) -> SaleRow:
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
    currency = currency or sale_fields.currency(sale, rules)
    told_at, changed_at = sale.created_at if sale.sale_date is None else sale.sale_date, sale.updated_at
    usual_at = usual_instant(told_at)
    sold_at, sold_on = usual_at, None
    if sold_at is None or sold_at > rules.latest_at:
        sold_at, sold_on = sale_fields.sold(sale, rules)
    # Most sales are never touched again: one instant is read once.
    updated_at = usual_at if changed_at == told_at else usual_instant(changed_at)
    updated_at = updated_at or sale_fields.updated_at(sale, rules)
    kind = sale_fields.kind_of(sale)
    row = (sale_id, event_id, kind, quantity, amount, currency, sold_at, sold_on, updated_at, ticket_id)
    return _new(SaleRow, row)
