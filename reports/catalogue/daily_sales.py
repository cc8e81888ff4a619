"""
Daily sales: what was sold on each day, in the layout that scripts of the legacy service read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reports.catalogue import figures as shared
from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report, summary
from reports.catalogue.narrowing import event_name, of_days
from reports.catalogue.spans import sums_over_time
from reports.tables import table


class DailySales(Report):
    slug = "daily-sales"
    title = "Daily sales"
    description = (
        "Tickets sold and revenue for each event, day and currency, less refunds. A sale belongs to the day "
        "on which it was made in the event's time zone."
    )
    columns = (
        Column("event_id", "Event ID"),
        Column("event_name", "Event Name"),
        Column("sale_date", "Sale Date", Kind.DATE),
        Column("tickets_sold", "Tickets Sold", Kind.INTEGER, has_total=True),
        Column("revenue", "Revenue", Kind.MONEY, has_total=True),
        # Not in the legacy layout, so it comes last: scripts that count columns go on working.
        Column("currency", "Currency"),
    )
    reads = ("sales", "scans", "transfers")

    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        sales, events = table("etl.DailyTicketSales"), table("analytics.Event")
        amounts = (sales.c.sale_date, sales.c.tickets_sold, sales.c.revenue, sales.c.currency)
        return (
            sa.select(sales.c.event_id, event_name(events).label("event_name"), *amounts)
            .join_from(sales, events, events.c.event_id == sales.c.event_id)
            .where(of_days(parameters, sales.c.event_id, sales.c.sale_date))
            .order_by(sales.c.sale_date, sales.c.event_id, sales.c.currency)
        )

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        return [
            Figure("Total Sales", shared.tickets_sold(connection, parameters)),
            *shared.revenue_by_currency(connection, parameters),
            Figure("Total Transfers", shared.counted(connection, parameters, "transfer_count")),
            Figure("Invalid Scans", shared.invalid_scans(connection, parameters)),
        ]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        sales = table("etl.DailyTicketSales").c
        day, number = sales.sale_date, sales.tickets_sold
        return sums_over_time(connection, parameters, day=day, number=number, title="Tickets sold by {span}")

    def csv_preamble(
        self, parameters: Parameters, figures: Sequence[Figure], generated_at: datetime
    ) -> list[list[Any]]:
        """Return the legacy sections; money has its currency in a third cell."""
        return [
            ["Daily Sales Report"],
            ["Report Date", report_date(parameters)],
            ["Generated At", generated_at],
            [],
            ["Summary"],
            *([each.label, each.value, *filter(None, [each.currency])] for each in figures),
            [],
            ["Sales by Event"],
        ]

    def json_document(
        self, parameters: Parameters, figures: Sequence[Figure], generated_at: datetime
    ) -> tuple[Mapping[str, Any], str]:
        document = {
            "report_date": report_date(parameters),
            "generated_at": generated_at,
            "summary": summary(figures),
        }
        return document, "sales_by_event"


def report_date(parameters: Parameters) -> str:
    """Return the day, or "2025-06-01 to 2025-06-07" for several: the last day is included here."""
    days = dict.fromkeys([parameters.start.isoformat(), parameters.last_day.isoformat()])
    return " to ".join(days)
