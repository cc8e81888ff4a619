"""
The numbers that change while people come in, as the pages show them and as JSON.

One shape for both: what a page was rendered with is what its script refreshes.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from django.contrib.admin.utils import quote
from django.urls import reverse

from core import db
from reports import queries
from reports.dashboard.night import chosen_night, zone_of
from reports.queries import EventNumbers, MinuteCount, ReasonCount
from reports.queries.minutes import MINUTES, first_minute

# More lines would be unreadable: the busiest gates have their own, the others share one.
LONGEST_LEGEND = 6
# How far back the refusals of tonight go.
REFUSALS = timedelta(hours=12)
TOTALS = ("sold_count", "admitted_count", "duplicate_count", "refused_count")


def tonight(*, connection: sa.Connection, now: datetime, event_ids: Sequence[str] | None) -> dict[str, Any]:
    """Return the numbers of tonight's events, limited to `event_ids` unless None. Three statements."""
    events = queries.tonights_events(connection=connection, now=now, event_ids=event_ids)
    refusals = queries.refusals_by_reason(
        connection=connection, start=now - REFUSALS, end=None, event_ids=event_ids
    )
    return _numbers(connection=connection, now=now, events=events, refusals=refusals)


def of_event(
    *, connection: sa.Connection, now: datetime, event_id: str, asked: date | None
) -> dict[str, Any] | None:
    """
    Return the same for one event, or None when there is no such event. Three statements.

    Its refusals are those of the member `night`: the one `asked` for, else that of the last scan, else now's.
    """
    event = queries.event_numbers(connection=connection, event_id=event_id)
    if event is None:
        return None
    night = chosen_night(asked, zone=zone_of(event.timezone), last_scan_at=event.last_scan_at, now=now)
    refusals = queries.refusals_by_reason(
        connection=connection, start=night.start, end=night.end, event_ids=(event_id,)
    )
    numbers = _numbers(connection=connection, now=now, events=[event], refusals=refusals)
    return {**numbers, "night": night.day.isoformat()}


def _numbers(
    *, connection: sa.Connection, now: datetime, events: list[EventNumbers], refusals: list[ReasonCount]
) -> dict[str, Any]:
    names = {event.event_id: event.name for event in events}
    counts = queries.admissions_per_minute(connection=connection, now=now, event_ids=list(names))
    return {
        "at": now.isoformat(),
        "events": [_event(event) for event in events],
        "totals": {name: sum(getattr(event, name) for event in events) for name in TOTALS},
        "minutes": _minutes(counts, names, now),
        "refusals": [{**asdict(each), "label": _as_label(each.reason)} for each in refusals],
        "pool": _pool(),
    }


def _event(event: EventNumbers) -> dict[str, Any]:
    times = {name: getattr(event, name) for name in ("starts_at", "ends_at", "last_scan_at")}
    return {
        **asdict(event),
        **{name: None if at is None else at.isoformat() for name, at in times.items()},
        "missing_count": event.missing_count,
        "url": reverse("event-page", args=[quote(event.event_id)]),
    }


def _as_label(reason: str) -> str:
    return reason.replace("_", " ").capitalize()


def _pool() -> dict[str, int]:
    stats = db.pool_stats()
    names = ("checked_out", "checked_in", "connecting", "waiting", "max")
    return {name: getattr(stats, name) for name in names}


def _minutes(counts: Sequence[MinuteCount], names: dict[str, str], now: datetime) -> dict[str, Any]:
    """Return the minutes' beginnings and a series of as many counts for each line of the chart."""
    first = first_minute(now)
    series: dict[str, list[int]] = defaultdict(lambda: [0] * MINUTES)
    legend = _legend(counts)
    for each in counts:
        position = (each.minute - first) // timedelta(minutes=1)
        # A device's scan that was received while this answer was put together belongs to the next.
        if position < MINUTES:
            label = _line(each, names) if (each.event_id, each.gate) in legend else "Other gates"
            series[label][position] += each.admitted_count
    return {
        # Not the running minute: it is not over, and its count would look too low.
        "last_minute": sum(each[-2] for each in series.values()),
        "starts": [(first + timedelta(minutes=n)).isoformat() for n in range(MINUTES)],
        "series": [{"label": label, "counts": each} for label, each in sorted(series.items(), key=_last)],
    }


def _legend(counts: Sequence[MinuteCount]) -> set[tuple[str, str]]:
    busy: Counter[tuple[str, str]] = Counter()
    for each in counts:
        busy[each.event_id, each.gate] += each.admitted_count
    return {gate for gate, _ in busy.most_common(LONGEST_LEGEND)}


def _line(count: MinuteCount, names: dict[str, str]) -> str:
    gate = count.gate or "no gate named"
    return gate if len(names) == 1 else f"{gate}, {names[count.event_id]}"


def _last(line: tuple[str, list[int]]) -> tuple[bool, str]:
    return line[0] == "Other gates", line[0]
