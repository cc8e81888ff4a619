"""
Everything that is known of one ticket.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from reports.tables import table

LONGEST_HISTORY = 500
What = Literal["sale", "transfer", "scan", "invalid attempt"]


@dataclass(frozen=True, kw_only=True)
class TicketFact:
    """
    One thing that happened to a ticket.

    `outcome` is the scan's outcome, the sale's kind, or how the transfer ended; `detail` is the rest as
    text. `event_id` is None where the event is not known, `gate` "" where there was none.
    """

    what: What
    at: datetime
    event_id: str | None
    outcome: str
    gate: str
    detail: str


def ticket_history(
    *, connection: sa.Connection, ticket_id: str, event_ids: Sequence[str] | None
) -> list[TicketFact]:
    """
    Return a ticket's sales, transfers, scans and invalid attempts, the oldest first, at most 500.

    A refused scan is listed once, as a scan. The admission is the scan with the outcome `admitted`. One
    statement, which finds each kind by its index of tickets.
    """
    parts = [_sales(), _transfers(), _scans(), _attempts()]
    facts = sa.union_all(*(_of_ticket(part, ticket_id, event_ids) for part in parts)).subquery("facts")
    history = sa.select(facts).order_by(facts.c.at, facts.c.what).limit(LONGEST_HISTORY)
    return [TicketFact(**row) for row in connection.execute(history).mappings()]


def _of_ticket(part: sa.Select[Any], ticket_id: str, event_ids: Sequence[str] | None) -> sa.Select[Any]:
    facts = part.selected_columns["event_id"].table
    part = part.where(facts.c.ticket_id == ticket_id)
    return part if event_ids is None else part.where(facts.c.event_id.in_(event_ids))


def _sales() -> sa.Select[Any]:
    sales = table("etl.RawSale")
    # For a source that gives only a day: its beginning in UTC.
    day = sa.cast(sales.c.sale_date, sa.DateTime).op("AT TIME ZONE")("UTC")
    # Four decimals are stored; two are shown where the others are zeros.
    cents = sa.func.round(sales.c.amount, 2)
    amount = sa.case(
        (sales.c.amount == cents, sa.cast(cents, sa.Text)), else_=sa.cast(sales.c.amount, sa.Text)
    )
    price = sa.func.concat(amount, " ", sales.c.currency)
    detail = sa.func.concat(sales.c.quantity, " for ", price, ", sale ", sales.c.sale_id)
    return _part(
        "sale", sales, at=sa.func.coalesce(sales.c.sold_at, day), outcome=sales.c.kind, detail=detail
    )


def _transfers() -> sa.Select[Any]:
    transfers = table("analytics.Transfer")
    outcome = sa.case((transfers.c.is_successful, "successful"), else_="failed")
    reason = sa.case((transfers.c.reason == "", ""), else_=sa.func.concat(": ", transfers.c.reason))
    detail = sa.func.concat(transfers.c.from_user, " to ", transfers.c.to_user, reason)
    return _part("transfer", transfers, at=transfers.c.received_at, outcome=outcome, detail=detail)


def _scans() -> sa.Select[Any]:
    scans = table("analytics.Scan")
    parts = (sa.func.nullif(scans.c[name], "") for name in ("reason", "scanner_id"))
    detail = sa.func.concat_ws(", ", *parts)
    return _part("scan", scans, at=scans.c.received_at, outcome=scans.c.outcome, detail=detail)


def _attempts() -> sa.Select[Any]:
    attempts = table("analytics.InvalidAttempt")
    detail = sa.func.concat_ws(", ", attempts.c.reason, sa.func.nullif(attempts.c.detail, ""))
    at, outcome = attempts.c.received_at, sa.literal("reported")
    reported = _part("invalid attempt", attempts, at=at, outcome=outcome, detail=detail)
    # The others are the refused scans, which are listed as scans.
    return reported.where(attempts.c.scan_id.is_(None))


def _part(what: What, facts: sa.Table, *, at: Any, outcome: Any, detail: Any) -> sa.Select[Any]:
    gate = facts.c.get("gate", sa.literal(""))
    return sa.select(
        sa.literal(what).label("what"),
        at.label("at"),
        facts.c.event_id,
        sa.cast(outcome, sa.Text).label("outcome"),
        sa.cast(gate, sa.Text).label("gate"),
        sa.cast(detail, sa.Text).label("detail"),
    )
