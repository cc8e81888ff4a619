"""
How busy each gate of an event was, hour by hour.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reports.tables import table


@dataclass(frozen=True, kw_only=True)
class GateHour:
    """One gate in one hour; `hour` is 0 for the first after the start."""

    gate: str
    hour: int
    scan_count: int
    admitted_count: int
    duplicate_count: int
    refused_count: int


def scans_per_gate_and_hour(
    *, connection: sa.Connection, event_id: str, start: datetime, end: datetime
) -> list[GateHour]:
    """
    Count an event's scans received from `start` until before `end`, for each gate and hour after `start`.

    Returns:
        One GateHour for each gate and hour with a scan, by gate, then by hour. One statement, which reads the
        scans of that time by the event's index.
    """
    scans = table("analytics.Scan")
    elapsed = sa.func.extract("epoch", scans.c.received_at - sa.literal(start, sa.DateTime(timezone=True)))
    hour = sa.cast(sa.func.floor(elapsed / 3600), sa.Integer).label("hour")
    outcomes = {"admitted": "admitted_count", "duplicate": "duplicate_count", "refused": "refused_count"}
    counts = [_count(scans, outcome).label(name) for outcome, name in outcomes.items()]
    counted = (
        sa.select(scans.c.gate, hour, sa.func.count().label("scan_count"), *counts)
        .where(scans.c.event_id == event_id, scans.c.received_at >= start, scans.c.received_at < end)
        .group_by(scans.c.gate, sa.text("hour"))
        .order_by(scans.c.gate, sa.text("hour"))
    )
    return [GateHour(**row) for row in connection.execute(counted).mappings()]


def _count(scans: sa.Table, outcome: str) -> sa.FunctionFilter[Any]:
    return sa.func.count().filter(scans.c.outcome == outcome)
