"""
Summaries recomputed from the raw rows, for the case that somebody wrote into a table by hand.

Pages of running loads wait meanwhile. Only what differs is written.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from time import perf_counter

from core import db
from etl.loading import locks, sale_dates, summaries


@dataclass(frozen=True, kw_only=True)
class RebuildResult:
    """
    What a rebuild changed.

    Attributes:
        sale_count: raw sales whose day was not that of their event's time zone.
        day_count: rows of `daily_ticket_sales` that were written or removed.
        total_count: rows of `event_sales_summary` that were.
    """

    sale_count: int
    day_count: int
    total_count: int
    seconds: float


def rebuild(
    *, event_id: str | None = None, start: date | None = None, end: date | None = None
) -> RebuildResult:
    """
    Recompute the summaries, in one transaction.

    Args:
        event_id: this event only.
        start: days from this one on.
        end: days before this one. Totals and sale dates are recomputed without regard to the period.
    """
    began, now = perf_counter(), datetime.now(UTC)
    event_ids = None if event_id is None else [event_id]
    with db.get_engine().begin() as connection:
        locks.rebuild_summaries(connection)
        sale_count = sale_dates.recompute(connection, event_ids=event_ids)
        # A sale that moved may come from a day outside of the period: then every day counts.
        period = {} if sale_count else {"first_day": start, "end_day": end}
        day_count = summaries.write_days(connection, event_ids=event_ids, now=now, **period)
        total_count = summaries.write_totals(connection, event_ids=event_ids, now=now)
    return RebuildResult(
        sale_count=sale_count,
        day_count=day_count,
        total_count=total_count,
        seconds=perf_counter() - began,
    )
