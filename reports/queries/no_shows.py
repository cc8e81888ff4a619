"""
Who bought a ticket and never came.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from reports.tables import table

PAGE_LENGTH = 50


@dataclass(frozen=True, kw_only=True)
class NoShow:
    """One sold ticket that was not admitted."""

    ticket_id: str
    sale_id: str
    sale_date: date


@dataclass(frozen=True, kw_only=True)
class NoShows:
    """One page of them by ticket id, and how many there are on all pages together."""

    rows: list[NoShow]
    total: int


def tickets_that_never_came(*, connection: sa.Connection, event_id: str, page: int) -> NoShows:
    """
    List the tickets of an event that were sold, not refunded, and not admitted; the first page is 1.

    Only sales that name their ticket can be compared: the counters know the rest, as sold less admitted. One
    statement over the event's sales and admissions, each by its index.
    """
    absent = _absent(event_id).cte("absent")
    total = sa.select(sa.func.count().label("total")).select_from(absent).subquery("counted")
    shown = sa.select(absent).order_by(absent.c.ticket_id).limit(PAGE_LENGTH).offset((page - 1) * PAGE_LENGTH)
    on_page = shown.subquery("on_page")
    # A page past the end still returns the total, in a row without a ticket.
    both = sa.select(total.c.total, on_page).select_from(total.outerjoin(on_page, sa.true()))
    rows = connection.execute(both.order_by(on_page.c.ticket_id)).all()
    found = [
        NoShow(ticket_id=row.ticket_id, sale_id=row.sale_id, sale_date=row.sale_date)
        for row in rows
        if row.ticket_id is not None
    ]
    return NoShows(rows=found, total=rows[0].total)


def _absent(event_id: str) -> sa.Select[Any]:
    sales, admissions = table("etl.RawSale"), table("analytics.Admission")
    refunds = sales.alias("refunds")
    came = sa.exists().where(
        admissions.c.event_id == sales.c.event_id, admissions.c.ticket_id == sales.c.ticket_id
    )
    given_back = sa.exists().where(
        refunds.c.event_id == sales.c.event_id,
        refunds.c.ticket_id == sales.c.ticket_id,
        # Implied, but only with it does Postgres use the index, which has the rows with a ticket only.
        refunds.c.ticket_id != "",
        refunds.c.kind == "refund",
    )
    return (
        sa.select(
            sales.c.ticket_id,
            sa.func.min(sales.c.sale_id).label("sale_id"),
            sa.func.min(sales.c.sale_date).label("sale_date"),
        )
        .where(sales.c.event_id == event_id, sales.c.kind == "sale", sales.c.ticket_id != "")
        .where(~came, ~given_back)
        .group_by(sales.c.ticket_id)
    )
