"""
An event as the upstream tells it, as a typed row.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from analytics import limits
from etl.parsing import instants, upstream_fields, values
from etl.parsing.rules import Rules
from etl.parsing.upstream_fields import UpstreamEvent, first
from etl.parsing.values import Unreadable
from etl.rows import EventRow


def event_row(event: UpstreamEvent, rules: Rules) -> EventRow:
    """
    Return the row of `event`. A time without an offset is in the event's own zone, where it tells one.

    Raises:
        Unreadable: a field is missing or cannot be read.
    """
    zone_name = _zone(event)
    zone = ZoneInfo(zone_name) if zone_name else rules.zone
    return EventRow(
        _event_id(event),
        _name(event),
        zone_name,
        _instant(event, upstream_fields.STARTS, zone),
        _instant(event, upstream_fields.ENDS, zone),
        _updated_at(event, rules),
    )


def upstream_id(event: UpstreamEvent) -> str:
    """Return the id that the upstream gives `event`; "" when it has none that can be read."""
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
    """Return an instant; None also for a day, which tells no instant but is no fault of the event's."""
    name, value = first(event, names)
    if value is None:
        return None
    if instants.is_day(value):
        instants.day(name, value)
        return None
    return instants.instant(name, value, zone)


def _updated_at(event: UpstreamEvent, rules: Rules) -> datetime | None:
    name, value = first(event, upstream_fields.UPDATED)
    return None if value is None else instants.instant(name, value, rules.zone)
