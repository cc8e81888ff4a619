"""
What was sold for an event and what happened at its gates, over its whole life.

Read from the counters and the ETL's summary, and the newest scan of each event by its index: the cost grows
with the events of the answer and their days, never with scans.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import LateralFromClause

from analytics.sums import whole_sum
from reports.tables import table

# How long before its start, and after a start without an end, an event is tonight's.
AROUND = timedelta(hours=12)
_COUNTS = ("admitted_count", "duplicate_count", "refused_count")


@dataclass(frozen=True, kw_only=True)
class EventNumbers:
    """One event. `last_scan_at` is None before the first scan; the counts are 0 then."""

    event_id: str
    name: str
    starts_at: datetime | None
    ends_at: datetime | None
    timezone: str
    sold_count: int
    admitted_count: int
    duplicate_count: int
    refused_count: int
    last_scan_at: datetime | None

    @property
    def missing_count(self) -> int:
        """Sold tickets that were not admitted; 0 where more came in than the sales know of."""
        return max(0, self.sold_count - self.admitted_count)


def tonights_events(
    *, connection: sa.Connection, now: datetime, event_ids: Sequence[str] | None
) -> list[EventNumbers]:
    """
    Return the events that are on at `now`, or were scanned for in the 12 hours before it.

    An event is on from 12 hours before its start until its end, or until 12 hours after its start where no
    end is known. The event of the latest scan comes first; those without a scan come last, by their start.
    A transfer, or an attempt that was reported without a scan, makes no event tonight's. One statement.
    """
    events = table("analytics.Event")
    last = _last_scan(events)
    chosen = sa.union(sa.select(events.c.event_id).where(_is_on(events, now)), _counted_lately(now))
    tonight = _numbers(events, last).where(
        events.c.event_id.in_(sa.select(chosen.subquery("chosen").c.event_id)),
        # Their counters changed lately, by a scan or by something else: the newest scan decides.
        sa.or_(_is_on(events, now), last.c.last_scan_at >= now - AROUND),
    )
    return _answer(connection, tonight, event_ids)


def event_numbers(*, connection: sa.Connection, event_id: str) -> EventNumbers | None:
    """Return one event's numbers, or None when there is no such event. One statement."""
    events = table("analytics.Event")
    found = _answer(connection, _numbers(events, _last_scan(events)), (event_id,))
    return found[0] if found else None


def _is_on(events: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    ends_at = sa.func.coalesce(events.c.ends_at, events.c.starts_at + AROUND)
    return sa.and_(events.c.starts_at <= now + AROUND, ends_at >= now)


def _counted_lately(now: datetime) -> sa.Select[Any]:
    """Return the events that may have been scanned for lately: a few, which the caller checks."""
    counters, since = table("analytics.EventCounter"), now - AROUND
    # The day is indexed; `last_updated` must not be, for it changes with each scan. It changes with transfers
    # and reported attempts, too.
    return sa.select(counters.c.event_id).where(
        counters.c.day >= since.astimezone(UTC).date(),
        counters.c.last_updated >= since,
        counters.c.scan_count > 0,
    )


def _numbers(events: sa.Table, last: LateralFromClause) -> sa.Select[Any]:
    """Return the statement of every event's numbers; a sum for each event that the caller chooses."""
    gates, sales = _sums_at_the_gates(events), _sum_of_the_sales(events)
    numbered = events.join(gates, sa.true()).join(sales, sa.true()).join(last, sa.true())
    return (
        sa.select(
            *(events.c[name] for name in ("event_id", "name", "starts_at", "ends_at", "timezone")),
            sales.c.sold_count,
            *(gates.c[name] for name in _COUNTS),
            last.c.last_scan_at,
        )
        .select_from(numbered)
        .order_by(last.c.last_scan_at.desc().nulls_last(), events.c.starts_at.nulls_last(), events.c.event_id)
    )


def _sums_at_the_gates(events: sa.Table) -> LateralFromClause:
    counters = table("analytics.EventCounter")
    sums = [whole_sum(counters.c[name]).label(name) for name in _COUNTS]
    return sa.select(*sums).where(counters.c.event_id == events.c.event_id).lateral("gates")


def _last_scan(events: sa.Table) -> LateralFromClause:
    """Return the instant of each event's newest scan: one step into the index of event and time."""
    scans = table("analytics.Scan")
    newest = sa.func.max(scans.c.received_at).label("last_scan_at")
    return sa.select(newest).where(scans.c.event_id == events.c.event_id).lateral("last")


def _sum_of_the_sales(events: sa.Table) -> LateralFromClause:
    summaries = table("etl.EventSalesSummary")
    # Tickets of all currencies: tickets can be added, money cannot.
    sold = whole_sum(summaries.c.total_tickets).label("sold_count")
    return sa.select(sold).where(summaries.c.event_id == events.c.event_id).lateral("sales")


def _answer(
    connection: sa.Connection, statement: sa.Select[Any], event_ids: Sequence[str] | None
) -> list[EventNumbers]:
    if event_ids is not None:
        statement = statement.where(table("analytics.Event").c.event_id.in_(event_ids))
    return [EventNumbers(**row) for row in connection.execute(statement).mappings()]
