"""
Why people were sent away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from reports.tables import table

WINDOW = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class ReasonCount:
    """How many scans were refused for one reason."""

    reason: str
    refused_count: int


def refusals_by_reason(
    *, connection: sa.Connection, now: datetime, event_ids: Sequence[str] | None
) -> list[ReasonCount]:
    """
    Count the scans that were refused in the 12 hours before `now`, by reason.

    With None for the events, those of unknown events count too. The most frequent reason first, ties by name.
    One statement. Each refused scan made one invalid attempt: these are read, by their index of time, and not
    the many more scans that were admitted.
    """
    attempts = table("analytics.InvalidAttempt")
    count = sa.func.count().label("refused_count")
    counted = (
        sa.select(attempts.c.reason, count)
        # Others than gates report attempts too: those are no scans.
        .where(attempts.c.received_at >= now - WINDOW, attempts.c.scan_id.is_not(None))
        .group_by(attempts.c.reason)
        .order_by(count.desc(), attempts.c.reason)
    )
    if event_ids is not None:
        counted = counted.where(attempts.c.event_id.in_(event_ids))
    return [ReasonCount(**row) for row in connection.execute(counted).mappings()]
