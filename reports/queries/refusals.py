"""
Why people were sent away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from reports.tables import table


@dataclass(frozen=True, kw_only=True)
class ReasonCount:
    """How many scans were refused for one reason."""

    reason: str
    refused_count: int


def refusals_by_reason(
    *, connection: sa.Connection, start: datetime, end: datetime | None, event_ids: Sequence[str] | None
) -> list[ReasonCount]:
    """
    Count the scans that were refused from `start` until before `end` (None: until now), by reason.

    With None for the events, those of unknown events count too. The most frequent reason first, ties by name.
    One statement. Each refused scan made one invalid attempt: these are read, by their index of time, and not
    the many more scans that were admitted.
    """
    attempts = table("analytics.InvalidAttempt")
    count = sa.func.count().label("refused_count")
    counted = (
        sa.select(attempts.c.reason, count)
        # Attempts without a scan were reported by other systems.
        .where(attempts.c.received_at >= start, attempts.c.scan_id.is_not(None))
        .group_by(attempts.c.reason)
        .order_by(count.desc(), attempts.c.reason)
    )
    if end is not None:
        counted = counted.where(attempts.c.received_at < end)
    if event_ids is not None:
        counted = counted.where(attempts.c.event_id.in_(event_ids))
    return [ReasonCount(**row) for row in connection.execute(counted).mappings()]
