"""
Duplicates: every ticket that was shown again, with where and when it had been let in.
"""

from typing import Any

import sqlalchemy as sa

from reports.catalogue import figures as shared
from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report
from reports.catalogue.narrowing import event_name, of_instants
from reports.tables import table


class Duplicates(Report):
    slug = "duplicates"
    title = "Duplicates"
    description = (
        "Every scan of a ticket that was inside already, received in the period (UTC days): where and when "
        "it was shown again, and where and when it was let in."
    )
    columns = (
        Column("received_at", "Shown Again At (UTC)", Kind.INSTANT),
        Column("event_id", "Event ID"),
        Column("event_name", "Event Name"),
        Column("ticket_id", "Ticket ID"),
        Column("gate", "Gate"),
        Column("scanner_id", "Scanner"),
        Column("admitted_at", "Admitted At (UTC)", Kind.INSTANT),
        Column("admitted_gate", "Admitted Gate"),
        Column("admitted_scanner_id", "Admitted Scanner"),
    )
    reads = ("scans",)

    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        scans, events = table("analytics.Scan"), table("analytics.Event")
        admissions = table("analytics.Admission")
        is_its_own = sa.and_(
            admissions.c.event_id == scans.c.event_id, admissions.c.ticket_id == scans.c.ticket_id
        )
        return (
            sa.select(
                *(scans.c.received_at, scans.c.event_id, event_name(events).label("event_name")),
                *(scans.c.ticket_id, scans.c.gate, scans.c.scanner_id, admissions.c.admitted_at),
                admissions.c.gate.label("admitted_gate"),
                admissions.c.scanner_id.label("admitted_scanner_id"),
            )
            .join_from(scans, events, events.c.event_id == scans.c.event_id)
            .join(admissions, is_its_own)
            .where(_is_duplicate(scans, parameters))
            .order_by(scans.c.received_at, scans.c.scan_id)
        )

    def row_total(self, connection: sa.Connection, parameters: Parameters) -> int:
        return shared.counted(connection, parameters, "duplicate_count")

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        scans = table("analytics.Scan")
        tickets = sa.func.count(sa.distinct(sa.tuple_(scans.c.event_id, scans.c.ticket_id)))
        statement = sa.select(sa.func.count(), tickets).where(_is_duplicate(scans, parameters))
        scan_count, ticket_count = connection.execute(statement).one()
        return [Figure("Duplicate Scans", scan_count), Figure("Tickets Shown Again", ticket_count)]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        scans = table("analytics.Scan")
        statement = (
            sa.select(scans.c.gate, sa.func.count())
            .where(_is_duplicate(scans, parameters))
            .group_by(scans.c.gate)
            .order_by(sa.func.count().desc(), scans.c.gate)
        )
        return shared.bars(connection, statement, title="Duplicates by gate")


def _is_duplicate(scans: sa.Table, parameters: Parameters) -> sa.ColumnElement[bool]:
    within = of_instants(parameters, scans.c.event_id, scans.c.received_at)
    return sa.and_(scans.c.outcome == "duplicate", within)
