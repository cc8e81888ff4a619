"""
What was refunded beyond what was cancelled: the part of pretix' refunds that lowers revenue by itself.

A cancelled position, a lowered price or an overpayment is explained by the order itself: what remains of it
is less than what was paid. Refunds use that up first, in the order in which they were made. The rest is a
refund of its own: money paid back for something that stays sold. pretix balances its orders the same way.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from etl.models.raw import SaleKind
from etl.parsing import instants, values
from etl.rows import SaleRow

_NOTHING = Decimal(0)
# Money that came in. "refunded" came in, too: what was paid back is among the refunds.
_RECEIVED = ("confirmed", "refunded")
_DONE = "done"
_SIGN = {SaleKind.SALE.value: 1, SaleKind.REFUND.value: -1, SaleKind.CANCELLED.value: 0}
_DIGITS = 20


class Refund(NamedTuple):
    """A refund that was carried out; they sort in the order in which they were made."""

    created_at: datetime
    done_at: datetime
    local_id: str
    amount: Decimal


def unexplained_refunds(
    sold: Sequence[SaleRow], *, payments: Sequence[Mapping[str, Any]], refunds: Sequence[Mapping[str, Any]]
) -> Iterator[Refund]:
    """
    Yield each refund that was carried out, with the part of its amount that the order does not explain.

    One that is explained has an amount of 0: its row replaces that of an earlier version.

    Raises:
        Unreadable: an amount or an instant cannot be read.
    """
    explained = max(_received(payments) - _standing(sold), _NOTHING)
    for refund in sorted(_refund(payload) for payload in refunds if payload.get("state") == _DONE):
        yield refund._replace(amount=max(refund.amount - explained, _NOTHING))
        explained = max(explained - refund.amount, _NOTHING)


def _received(payments: Sequence[Mapping[str, Any]]) -> Decimal:
    received = (payment for payment in payments if payment.get("state") in _RECEIVED)
    return sum((values.money("payments.amount", payment.get("amount")) for payment in received), _NOTHING)


def _standing(sold: Sequence[SaleRow]) -> Decimal:
    return sum((_SIGN[row.kind] * row.amount for row in sold), _NOTHING)


def _refund(payload: Mapping[str, Any]) -> Refund:
    created_at = instants.instant("refunds.created", payload.get("created"), None)
    executed = payload.get("execution_date")
    return Refund(
        created_at=created_at,
        done_at=created_at
        if executed is None
        else instants.instant("refunds.execution_date", executed, None),
        local_id=values.text("refunds.local_id", payload.get("local_id"), length=_DIGITS),
        amount=values.money("refunds.amount", payload.get("amount")),
    )
