"""
How fast people come in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from reports.tables import table

# The minutes that a chart shows: the last is the one that is running.
MINUTES = 60


@dataclass(frozen=True, kw_only=True)
class MinuteCount:
    """The admissions at one gate in one minute, which begins at `minute` (UTC)."""

    event_id: str
    gate: str
    minute: datetime
    admitted_count: int


def admissions_per_minute(
    *, connection: sa.Connection, now: datetime, event_ids: Sequence[str]
) -> list[MinuteCount]:
    """
    Count the admissions of these events in each of the last 60 minutes, the running one included.

    Returns:
        One MinuteCount for each gate and minute with an admission, the oldest first, then by event and gate.
        One statement, which reads the scans of an hour by the index of each event.
    """
    scans = table("analytics.Scan")
    minute = sa.func.date_trunc("minute", scans.c.received_at).label("minute")
    groups = (minute, scans.c.event_id, scans.c.gate)
    counted = (
        sa.select(*groups, sa.func.count().label("admitted_count"))
        .where(scans.c.event_id.in_(event_ids), scans.c.received_at >= first_minute(now))
        .where(scans.c.outcome == "admitted")
        .group_by(*groups)
        .order_by(*groups)
    )
    return [MinuteCount(**row) for row in connection.execute(counted).mappings()]


def first_minute(now: datetime) -> datetime:
    """Return the beginning of the oldest of the MINUTES that end with the running one."""
    return now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
