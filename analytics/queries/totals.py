"""
How much happened at each event: read from the counters, never from the facts.

The cost grows with days and shards, not with scans.
"""

from dataclasses import fields
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from analytics.facts import Counts, DayTotals, EventTotals, EventTotalsByDay
from analytics.models import COUNT_NAMES, Event, EventCounter
from analytics.sums import whole_sum
from core import db
from core.tables import table_for


def event_totals(*, event_id: str | None = None) -> list[EventTotals]:
    """
    Return what happened over each event's life, for one event or (None) for all, by event id.

    An event without facts counts zeros; an unknown event is not in the list. One statement.
    """
    event = table_for(Event).c.event_id
    with db.get_engine().connect() as connection:
        rows = connection.execute(_sums(event, event_id=event_id).order_by(event)).mappings()
        return [EventTotals(**row) for row in rows]


def daily_totals(*, event_id: str | None = None) -> list[EventTotalsByDay]:
    """
    Return the same with each day's share, the oldest day first; days without facts are left out.

    One statement, so a total is the sum of its days while scans go on.
    """
    event, day = table_for(Event).c.event_id, table_for(EventCounter).c.day
    with db.get_engine().connect() as connection:
        rows = connection.execute(_sums(event, day, event_id=event_id).order_by(event, day)).mappings().all()
    return [
        _add_up(name, list(of_event)) for name, of_event in groupby(rows, key=lambda row: row["event_id"])
    ]


def _sums(*groups: sa.Column[Any], event_id: str | None) -> sa.Select[Any]:
    """Sum the shards of each group; an event without counters has one row of zeros."""
    events, counters = table_for(Event), table_for(EventCounter)
    sums = [whole_sum(counters.c[name]).label(name) for name in COUNT_NAMES]
    statement = (
        sa.select(
            *groups,
            *sums,
            whole_sum(counters.c.admitted_count).label("admitted_ticket_count"),
            sa.func.max(counters.c.last_updated).label("last_updated"),
        )
        .select_from(events.outerjoin(counters, counters.c.event_id == events.c.event_id))
        .group_by(*groups)
    )
    return statement if event_id is None else statement.where(events.c.event_id == event_id)


def _add_up(event_id: str, rows: list[sa.RowMapping]) -> EventTotalsByDay:
    names = [field.name for field in fields(Counts)]
    days = [row for row in rows if row["day"] is not None]
    return EventTotalsByDay(
        event_id=event_id,
        **{name: sum(row[name] for row in days) for name in names},
        last_updated=max((row["last_updated"] for row in days), default=None),
        days=[DayTotals(day=row["day"], **{name: row[name] for name in names}) for row in days],
    )
