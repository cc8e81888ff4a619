"""
Gate activity: how busy each gate was in each hour.
"""

from typing import Any

import sqlalchemy as sa

from reports.catalogue import figures as shared
from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report
from reports.catalogue.narrowing import event_name, of_instants
from reports.tables import table

OUTCOMES = ("admitted", "duplicate", "refused")


class GateActivity(Report):
    slug = "gate-activity"
    title = "Gate activity by hour"
    description = (
        "Scans at each gate in each hour with any, by outcome. Hours and days are UTC; a refused scan of no "
        'known event is listed under "Unknown" when all events are asked for.'
    )
    columns = (
        Column("hour", "Hour (UTC)", Kind.INSTANT),
        Column("event_id", "Event ID"),
        Column("event_name", "Event Name"),
        Column("gate", "Gate"),
        Column("scan_count", "Scans", Kind.INTEGER, has_total=True),
        Column("admitted_count", "Admitted", Kind.INTEGER, has_total=True),
        Column("duplicate_count", "Duplicates", Kind.INTEGER, has_total=True),
        Column("refused_count", "Refused", Kind.INTEGER, has_total=True),
    )
    reads = ("scans",)

    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        """Group first, name afterwards: the event is joined to each group, not to each scan."""
        groups, events = _by_hour_and_gate(parameters).subquery(), table("analytics.Event")
        names = [column.name for column in self.columns if column.name.endswith("_count")]
        return (
            sa.select(
                groups.c.hour,
                groups.c.event_id,
                event_name(events).label("event_name"),
                groups.c.gate,
                *(groups.c[name] for name in names),
            )
            .join_from(groups, events, events.c.event_id == groups.c.event_id, isouter=True)
            .order_by(groups.c.hour, groups.c.event_id, groups.c.gate)
        )

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        scans = table("analytics.Scan")
        statement = sa.select(sa.func.count(), *_by_outcome(scans)).where(_received(scans, parameters))
        counts = connection.execute(statement).one()
        labels = ("Scans", "Admitted", "Duplicates", "Refused")
        return [Figure(label, count) for label, count in zip(labels, counts, strict=True)]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        scans = table("analytics.Scan")
        statement = (
            sa.select(scans.c.gate, sa.func.count())
            .where(_received(scans, parameters))
            .group_by(scans.c.gate)
            .order_by(sa.func.count().desc(), scans.c.gate)
        )
        return shared.bars(connection, statement, title="Scans by gate")


def _by_hour_and_gate(parameters: Parameters) -> sa.Select[Any]:
    scans = table("analytics.Scan")
    hour = sa.func.date_trunc("hour", scans.c.received_at, sa.literal_column("'UTC'"))
    return (
        sa.select(
            hour.label("hour"),
            scans.c.event_id,
            scans.c.gate,
            sa.func.count().label("scan_count"),
            *_by_outcome(scans),
        )
        .where(_received(scans, parameters))
        .group_by(sa.literal_column("hour"), scans.c.event_id, scans.c.gate)
    )


def _by_outcome(scans: sa.Table) -> list[sa.Label[int]]:
    return [
        sa.func.count().filter(scans.c.outcome == outcome).label(f"{outcome}_count") for outcome in OUTCOMES
    ]


def _received(scans: sa.Table, parameters: Parameters) -> sa.ColumnElement[bool]:
    return of_instants(parameters, scans.c.event_id, scans.c.received_at)
