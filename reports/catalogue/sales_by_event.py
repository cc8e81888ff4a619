"""
Sales by event and currency: what each event sold in the period.
"""

from typing import Any

import sqlalchemy as sa

from analytics.sums import whole_sum
from reports.catalogue import figures as shared
from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report
from reports.catalogue.narrowing import event_name, of_days
from reports.tables import table


class SalesByEvent(Report):
    slug = "sales-by-event"
    title = "Sales by event and currency"
    description = "Tickets sold and revenue of each event in each currency, less refunds."
    columns = (
        Column("event_id", "Event ID"),
        Column("event_name", "Event Name"),
        Column("currency", "Currency"),
        Column("tickets_sold", "Tickets Sold", Kind.INTEGER, has_total=True),
        Column("revenue", "Revenue", Kind.MONEY, has_total=True),
        Column("day_count", "Days With Sales", Kind.INTEGER),
        Column("first_sale_date", "First Sale Date", Kind.DATE),
        Column("last_sale_date", "Last Sale Date", Kind.DATE),
    )
    reads = ("sales",)

    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        sales, events = table("etl.DailyTicketSales"), table("analytics.Event")
        return (
            sa.select(
                sales.c.event_id,
                event_name(events).label("event_name"),
                sales.c.currency,
                whole_sum(sales.c.tickets_sold).label("tickets_sold"),
                sa.func.sum(sales.c.revenue).label("revenue"),
                sa.func.count().label("day_count"),
                sa.func.min(sales.c.sale_date).label("first_sale_date"),
                sa.func.max(sales.c.sale_date).label("last_sale_date"),
            )
            .join_from(sales, events, events.c.event_id == sales.c.event_id)
            .where(of_days(parameters, sales.c.event_id, sales.c.sale_date))
            .group_by(sales.c.event_id, events.c.name, sales.c.currency)
            .order_by(sales.c.event_id, sales.c.currency)
        )

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        return [
            Figure("Total Sales", shared.tickets_sold(connection, parameters)),
            *shared.revenue_by_currency(connection, parameters),
        ]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        """Return the tickets, not the money: bars in several currencies cannot be compared."""
        sales = table("etl.DailyTicketSales")
        tickets = whole_sum(sales.c.tickets_sold)
        statement = (
            sa.select(sales.c.event_id, tickets)
            .where(of_days(parameters, sales.c.event_id, sales.c.sale_date))
            .group_by(sales.c.event_id)
            .order_by(tickets.desc(), sales.c.event_id)
        )
        return shared.bars(connection, statement, title="Tickets sold by event")
