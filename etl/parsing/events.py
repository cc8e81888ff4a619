"""
An event as the upstream sends it, as a typed row.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from analytics import limits
from etl.parsing import instants, upstream_fields, values
from etl.parsing.dialect import Dialect
from etl.parsing.upstream_fields import UpstreamEvent, fields_of, first
from etl.parsing.values import Unreadable
from etl.rows import EventRow, Rejection


def event_row(event: UpstreamEvent, dialect: Dialect) -> EventRow:
    """
    Return the row of `event`. A time without an offset is in the event's own zone, where it has one.

    Raises:
        Unreadable: a field is missing or cannot be read.
    """
    zone_name = _zone(event)
    zone = ZoneInfo(zone_name) if zone_name else dialect.zone
    return EventRow(
        _event_id(event),
        _name(event),
        zone_name,
        _instant(event, upstream_fields.STARTS, zone),
        _instant(event, upstream_fields.ENDS, zone),
        _updated_at(event, dialect),
    )


def read_event(payload: Mapping[str, Any], dialect: Dialect) -> EventRow | Rejection:
    """Read one event."""
    event = fields_of(UpstreamEvent, payload)
    try:
        return event_row(event, dialect)
    except Unreadable as fault:
        return Rejection(payload, _upstream_id(event), fault.field, fault.reason)


def _upstream_id(event: UpstreamEvent) -> str:
    """Return the id that the upstream gives `event`; "" when it cannot be read."""
    try:
        return _event_id(event)
    except Unreadable:
        return ""


def _event_id(event: UpstreamEvent) -> str:
    name, value = first(event, upstream_fields.EVENT_ID)
    if value is None:
        raise Unreadable(name, "is missing: an event is known by its id")
    return values.text(name, value, length=limits.EVENT_ID)


def _name(event: UpstreamEvent) -> str:
    name, value = first(event, upstream_fields.NAME)
    return "" if value is None else values.text(name, value, length=limits.EVENT_NAME)


def _zone(event: UpstreamEvent) -> str:
    name, value = first(event, upstream_fields.ZONE)
    return "" if value is None else values.zone(name, value)


def _instant(event: UpstreamEvent, names: tuple[str, ...], zone: ZoneInfo | None) -> datetime | None:
    """Return an instant; None also for a day without a time, which is not a fault of the event."""
    name, value = first(event, names)
    if value is None:
        return None
    if instants.is_day(value):
        instants.day(name, value)
        return None
    return instants.instant(name, value, zone)


def _updated_at(event: UpstreamEvent, dialect: Dialect) -> datetime | None:
    name, value = first(event, upstream_fields.UPDATED)
    return None if value is None else instants.instant(name, value, dialect.zone)
