"""
Figures that more than one report gives: money for each currency, and sums of the counters.
"""

from typing import Any

import sqlalchemy as sa

from analytics.sums import whole_sum
from reports.catalogue.contract import Chart, Figure, Parameters
from reports.catalogue.narrowing import of_days, of_instants
from reports.tables import table

# More bars than these would be unreadable on a page.
MAXIMUM_BARS = 31


def revenue_by_currency(connection: sa.Connection, parameters: Parameters) -> list[Figure]:
    """Return "Total Revenue" in each currency, by its code; one figure of 0 when nothing was sold."""
    sales = table("etl.DailyTicketSales")
    statement = (
        sa.select(sales.c.currency, sa.func.sum(sales.c.revenue))
        .where(of_days(parameters, sales.c.event_id, sales.c.sale_date))
        .group_by(sales.c.currency)
        .order_by(sales.c.currency)
    )
    found = [Figure("Total Revenue", value, currency) for currency, value in connection.execute(statement)]
    return found or [Figure("Total Revenue", 0)]


def tickets_sold(connection: sa.Connection, parameters: Parameters) -> int:
    """Return the tickets sold in the period, less those refunded."""
    sales = table("etl.DailyTicketSales")
    total = sa.select(whole_sum(sales.c.tickets_sold))
    return connection.execute(
        total.where(of_days(parameters, sales.c.event_id, sales.c.sale_date))
    ).scalar_one()


def counted(connection: sa.Connection, parameters: Parameters, name: str) -> int:
    """Return the sum of one counter, such as "transfer_count", over the period's UTC days."""
    counters = table("analytics.EventCounter")
    total = sa.select(whole_sum(counters.c[name]))
    return connection.execute(
        total.where(of_days(parameters, counters.c.event_id, counters.c.day))
    ).scalar_one()


def bars(connection: sa.Connection, statement: sa.Select[Any, Any], *, title: str) -> Chart | None:
    """Return a bar for each row of `statement` (label, value), the first MAXIMUM_BARS; None without rows."""
    rows = connection.execute(statement.limit(MAXIMUM_BARS + 1)).all()
    if len(rows) > MAXIMUM_BARS:
        title, rows = f"{title} (the first {MAXIMUM_BARS})", rows[:MAXIMUM_BARS]
    if not rows:
        return None
    return Chart(title, [str(label) for label, _ in rows], [float(value) for _, value in rows])


def invalid_scans(connection: sa.Connection, parameters: Parameters) -> int:
    """Return the scans whose signature was not genuine; among all events, those of no known event too."""
    return counted(connection, parameters, "invalid_scan_count") + _of_no_known_event(connection, parameters)


def _of_no_known_event(connection: sa.Connection, parameters: Parameters) -> int:
    if parameters.event_ids is not None:
        return 0
    scans = table("analytics.Scan")
    unknown = sa.and_(scans.c.event_id.is_(None), scans.c.is_genuine.is_(False))
    within = of_instants(parameters, scans.c.event_id, scans.c.received_at)
    return connection.execute(
        sa.select(sa.func.count()).select_from(scans).where(unknown, within)
    ).scalar_one()
