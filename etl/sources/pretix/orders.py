"""
An order as pretix sends it, as typed rows: one for each position and fee, and one for each refund.

An order is read whole or rejected whole: what was refunded beyond what was cancelled cannot be worked out
from a part of it. Positions and fees are known by pretix' own ids, because a position keeps its id when the
order is split, but not its number within the order.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from analytics import limits as analytics_limits
from etl.models.raw import SaleKind
from etl.parsing import instants, values
from etl.parsing.values import Unreadable, shown
from etl.rows import Rejection, SaleRow
from etl.sources.pretix.refunds import unexplained_refunds

SALE, REFUND, CANCELLED = (str(kind.value) for kind in SaleKind)
_STATES = ("n", "p", "e", "c")
_PAID = "p"
_CODE_LENGTH = 64
_ID_LENGTH = 20


class Order(NamedTuple):
    """What all rows of one order share; a row's date after `latest_at` is in the future."""

    code: str
    event_id: str
    is_paid: bool
    sold_at: datetime
    updated_at: datetime
    currency: str
    latest_at: datetime

    def row(self, sale_id: str, *, kind: str, quantity: int, amount: Decimal, at: datetime) -> SaleRow:
        """
        Return a row of this order; of an order that is not paid, it counts as nothing.

        Raises:
            Unreadable: `at` is in the future.
        """
        if at > self.latest_at:
            raise Unreadable(
                "datetime", f"{at.isoformat()} is more than a day in the future: check pretix' clock"
            )
        kind = kind if self.is_paid else CANCELLED
        # pretix does not know the ids of the tickets in our QR codes.
        return SaleRow(
            sale_id, self.event_id, kind, quantity, amount, self.currency, at, None, self.updated_at, ""
        )


def read_order(order: Mapping[str, Any], *, currency: str, latest_at: datetime) -> list[SaleRow] | Rejection:
    """
    Return the rows of `order`, whose event sells in `currency`.

    A rejection carries the id of the order's first position, so that a corrected order resolves it.
    """
    try:
        return list(_rows(order, _order(order, currency=currency, latest_at=latest_at)))
    except Unreadable as fault:
        return Rejection(order, _first_id(order), fault.field, fault.reason)


def changed_at(order: Mapping[str, Any]) -> datetime | None:
    """Return when pretix changed `order` last; None when that cannot be read."""
    try:
        return instants.instant("last_modified", order.get("last_modified"), None)
    except Unreadable:
        return None


def _order(order: Mapping[str, Any], *, currency: str, latest_at: datetime) -> Order:
    status = order.get("status")
    if status not in _STATES:
        raise Unreadable("status", f"{shown(status)} is not one of {', '.join(_STATES)}: nothing is guessed")
    return Order(
        code=values.text("code", order.get("code"), length=_CODE_LENGTH),
        event_id=values.text("event", order.get("event"), length=analytics_limits.EVENT_ID),
        is_paid=status == _PAID,
        sold_at=instants.instant("datetime", order.get("datetime"), None),
        updated_at=instants.instant("last_modified", order.get("last_modified"), None),
        currency=values.currency("currency", currency),
        latest_at=latest_at,
    )


def _rows(payload: Mapping[str, Any], order: Order) -> Iterator[SaleRow]:
    sold = [_position(position, order) for position in _list(payload, "positions")]
    sold += [_fee(fee, order) for fee in _list(payload, "fees")]
    yield from sold
    for refund in unexplained_refunds(
        sold, payments=_list(payload, "payments"), refunds=_list(payload, "refunds")
    ):
        sale_id = f"{order.code}-R{refund.local_id}"
        # An order that is not paid counts as nothing, and so does what was refunded of it.
        amount = refund.amount if order.is_paid else Decimal(0)
        yield order.row(sale_id, kind=REFUND, quantity=0, amount=amount, at=refund.done_at)


def _position(position: Mapping[str, Any], order: Order) -> SaleRow:
    sale_id = f"P{_id(position, 'positions.id')}"
    amount = values.money("positions.price", position.get("price"))
    return order.row(sale_id, kind=_kind(position), quantity=1, amount=amount, at=order.sold_at)


def _fee(fee: Mapping[str, Any], order: Order) -> SaleRow:
    sale_id, kind, value = f"F{_id(fee, 'fees.id')}", _kind(fee), fee.get("value")
    if isinstance(value, str) and value.startswith("-"):
        # A fee below zero lowers what was paid, as the gift cards of older orders do.
        kind, value = REFUND if kind == SALE else kind, value[1:]
    amount = values.money("fees.value", value)
    return order.row(sale_id, kind=kind, quantity=0, amount=amount, at=order.sold_at)


def _kind(line: Mapping[str, Any]) -> str:
    return CANCELLED if line.get("canceled") is True else SALE


def _id(payload: Mapping[str, Any], field: str) -> str:
    return values.text(field, payload.get("id"), length=_ID_LENGTH)


def _list(payload: Mapping[str, Any], field: str) -> Sequence[Mapping[str, Any]]:
    rows = payload.get(field)
    if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
        return rows
    raise Unreadable(field, f"{shown(rows)} is not a list of objects, as the orders of pretix have it")


def _first_id(order: Mapping[str, Any]) -> str:
    try:
        return f"P{_id(_list(order, 'positions')[0], 'positions.id')}"
    except (Unreadable, IndexError):
        return analytics_limits.bounded(str(order.get("code") or ""), length=_CODE_LENGTH)
