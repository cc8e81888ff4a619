"""
An event as pretix sends it, as a typed row.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from analytics import limits
from etl.parsing import instants, values
from etl.parsing.values import Unreadable
from etl.rows import EventRow, Rejection


def read_event(event: Mapping[str, Any]) -> EventRow | Rejection:
    """Return the row of `event`. pretix does not say when it was changed: every run reads all events."""
    try:
        return EventRow(
            event_id=values.text("slug", event.get("slug"), length=limits.EVENT_ID),
            name=_name(event.get("name")),
            timezone=values.zone("timezone", event["timezone"]) if event.get("timezone") else "",
            starts_at=_instant("date_from", event.get("date_from")),
            ends_at=_instant("date_to", event.get("date_to")),
            updated_at=None,
        )
    except Unreadable as fault:
        upstream_id = limits.bounded(str(event.get("slug") or ""), length=limits.EVENT_ID)
        return Rejection(event, upstream_id, fault.field, fault.reason)


def _name(value: Any) -> str:
    """Return the English name, else the first: pretix sends a name in each of its languages."""
    names = value if isinstance(value, Mapping) else {"": value}
    name = names.get("en") or next((name for name in names.values() if name), "")
    return values.text("name", name, length=limits.EVENT_NAME) if name else ""


def _instant(field: str, value: Any) -> datetime | None:
    return None if value is None else instants.instant(field, value, None)
