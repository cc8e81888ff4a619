"""
Statistics: totals from the counters, and how busy the hours of a day were.
"""

import datetime as dt
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status

from analytics import queries
from analytics.api import fields
from analytics.api.answers import FAULTS, Problem
from analytics.facts import EventTotals, EventTotalsByDay, HourTotal

router = Router(tags=["statistics"])


class Heatmap(Schema):
    event_id: str
    date: dt.date
    data: list[HourTotal]
    peak_hour: int


class StatsQuery(Schema):
    event_id: fields.EventId | None = None
    by: Literal["day"] | None = None


OneOrAll = list[EventTotalsByDay] | list[EventTotals] | EventTotalsByDay | EventTotals


@router.get("/stats", response={200: OneOrAll, **FAULTS, 404: Problem})
def stats(request: HttpRequest, query: Annotated[StatsQuery, Query()]) -> Status[Any]:
    """
    Total what happened over the life of each event; with `event_id`, of that one alone.

    `by=day` adds each UTC day's share, the oldest first.
    """
    totals = queries.daily_totals if query.by == "day" else queries.event_totals
    found = totals(event_id=query.event_id)
    if query.event_id is None:
        return Status(200, found)
    if not found:
        return Status(404, {"detail": f"no event {query.event_id!r}: GET /stats lists all events"})
    return Status(200, found[0])


@router.get("/stats/heatmap", response={200: Heatmap, **FAULTS})
def heatmap(
    request: HttpRequest, event_id: Annotated[fields.EventId, Query()], date: Annotated[fields.Day, Query()]
) -> dict[str, Any]:
    """Count the scans received in each hour of a UTC day; `peak_hour` is the first of the busiest."""
    hours = queries.scans_per_hour(event_id=event_id, day=date)
    peak = max(hours, key=lambda hour: hour.scan_count)
    return {"event_id": event_id, "date": date, "data": hours, "peak_hour": peak.hour}
