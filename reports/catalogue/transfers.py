"""
Transfers: who gave which ticket to whom, and which attempts failed.
"""

from typing import Any

import sqlalchemy as sa

from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report
from reports.catalogue.figures import counted
from reports.catalogue.narrowing import event_name, of_instants
from reports.catalogue.spans import sums_over_time
from reports.tables import table


class Transfers(Report):
    slug = "transfers"
    title = "Transfers"
    description = "Every transfer of a ticket that was received in the period (UTC days), the oldest first."
    columns = (
        Column("received_at", "Received At (UTC)", Kind.INSTANT),
        Column("event_id", "Event ID"),
        Column("event_name", "Event Name"),
        Column("ticket_id", "Ticket ID"),
        Column("from_user", "From"),
        Column("to_user", "To"),
        Column("result", "Result"),
        Column("reason", "Reason"),
        Column("transferred_at", "Transferred At (UTC)", Kind.INSTANT),
    )
    reads = ("transfers",)

    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        transfers, events = table("analytics.Transfer"), table("analytics.Event")
        result = sa.case((transfers.c.is_successful, "successful"), else_="failed")
        return (
            sa.select(
                transfers.c.received_at,
                transfers.c.event_id,
                event_name(events).label("event_name"),
                *(transfers.c[name] for name in ("ticket_id", "from_user", "to_user")),
                result.label("result"),
                transfers.c.reason,
                transfers.c.transferred_at,
            )
            .join_from(transfers, events, events.c.event_id == transfers.c.event_id)
            .where(of_instants(parameters, transfers.c.event_id, transfers.c.received_at))
            .order_by(transfers.c.received_at, transfers.c.transfer_id)
        )

    def row_total(self, connection: sa.Connection, parameters: Parameters) -> int:
        return counted(connection, parameters, "transfer_count")

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        names = ("transfer_count", "successful_transfer_count", "failed_transfer_count")
        labels = ("Transfers", "Successful", "Failed")
        counts = (counted(connection, parameters, name) for name in names)
        return [Figure(label, count) for label, count in zip(labels, counts, strict=True)]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        counters = table("analytics.EventCounter").c
        day, number = counters.day, counters.transfer_count
        return sums_over_time(
            connection, parameters, day=day, number=number, title="Transfers by {span} (UTC)"
        )
