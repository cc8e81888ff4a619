"""
What was sold, day by day. Money of different currencies is never added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from analytics.sums import whole_sum
from reports.tables import table


@dataclass(frozen=True, kw_only=True)
class DaySales:
    """The tickets and the money of one day in one currency, refunds subtracted."""

    sale_date: date
    currency: str
    ticket_count: int
    revenue: Decimal


def sales_per_day(
    *,
    connection: sa.Connection,
    event_ids: Sequence[str] | None,
    first: date | None = None,
    last: date | None = None,
) -> list[DaySales]:
    """
    Return the sales of each day from `first` to `last`, both included, by day, then by currency.

    None for one of them: no bound. A day without sales has no row; one after today may have some, where an
    event's clock is ahead of ours. One statement over the ETL's daily summary.
    """
    days = table("etl.DailyTicketSales")
    groups = (days.c.sale_date, days.c.currency)
    tickets = whole_sum(days.c.tickets_sold).label("ticket_count")
    summed = sa.select(*groups, tickets, sa.func.sum(days.c.revenue).label("revenue"))
    if first is not None:
        summed = summed.where(days.c.sale_date >= first)
    if last is not None:
        summed = summed.where(days.c.sale_date <= last)
    if event_ids is not None:
        summed = summed.where(days.c.event_id.in_(event_ids))
    rows = connection.execute(summed.group_by(*groups).order_by(*groups))
    return [DaySales(**row) for row in rows.mappings()]
