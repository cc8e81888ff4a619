"""
Refused scans: for which reason, at which gate, how often.
"""

from typing import Any

import sqlalchemy as sa

from reports.catalogue import figures as shared
from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report
from reports.catalogue.narrowing import event_name, of_instants
from reports.tables import table


class RefusedScans(Report):
    slug = "refused-scans"
    title = "Refused scans by reason"
    description = (
        "How many scans each gate refused, for which reason, and when first and last. What other systems "
        "reported as invalid attempts is not a scan and is not here."
    )
    columns = (
        Column("reason", "Reason"),
        Column("event_id", "Event ID"),
        Column("event_name", "Event Name"),
        Column("gate", "Gate"),
        Column("refused_count", "Refused", Kind.INTEGER, has_total=True),
        Column("first_at", "First At (UTC)", Kind.INSTANT),
        Column("last_at", "Last At (UTC)", Kind.INSTANT),
    )
    reads = ("scans",)

    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        refused, events = table("analytics.InvalidAttempt"), table("analytics.Event")
        return (
            sa.select(
                refused.c.reason,
                refused.c.event_id,
                event_name(events).label("event_name"),
                refused.c.gate,
                sa.func.count().label("refused_count"),
                sa.func.min(refused.c.received_at).label("first_at"),
                sa.func.max(refused.c.received_at).label("last_at"),
            )
            .join_from(refused, events, events.c.event_id == refused.c.event_id, isouter=True)
            .where(_of_scans(refused, parameters))
            .group_by(refused.c.reason, refused.c.event_id, events.c.name, refused.c.gate)
            .order_by(sa.func.count().desc(), refused.c.reason, refused.c.event_id, refused.c.gate)
        )

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        reasons = connection.execute(_by_reason(parameters)).all()
        total = sum(count for _, count in reasons)
        return [
            Figure("Refused Scans", total),
            *(Figure(f"Refused {each}", count) for each, count in reasons),
        ]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        return shared.bars(connection, _by_reason(parameters), title="Refused scans by reason")


def _of_scans(refused: sa.Table, parameters: Parameters) -> sa.ColumnElement[bool]:
    """Return the condition: an attempt that a scan made by itself. There are far fewer of them than scans."""
    within = of_instants(parameters, refused.c.event_id, refused.c.received_at)
    return sa.and_(refused.c.scan_id.is_not(None), within)


def _by_reason(parameters: Parameters) -> sa.Select[Any]:
    refused = table("analytics.InvalidAttempt")
    return (
        sa.select(refused.c.reason, sa.func.count())
        .where(_of_scans(refused, parameters))
        .group_by(refused.c.reason)
        .order_by(sa.func.count().desc(), refused.c.reason)
    )
