"""
The fields that an upstream may send, under every name that it may use for each of them.

The structs take any value, so that a strange value in a field that is not read does not cost a page its quick
way. Types are checked where a field is read: in `sale_fields` and `events`.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

# The first name that has a value wins. null and "" do not count: CSV has no other way to leave a cell out.
SALE_ID = ("sale_id", "id", "order_id", "transaction_id")
SALE_EVENT = ("event_id", "eventId", "event")
STATUS = ("status", "state")
TYPE = ("type", "kind")
QUANTITY = ("quantity", "qty")
PRICE = ("price", "unit_price", "amount")
TOTAL = ("total_amount",)
CURRENCY = ("currency", "currency_code")
SOLD = ("sale_date", "created_at", "timestamp")
UPDATED = ("updated_at", "modified_at", "last_modified")
TICKET = ("ticket_id", "ticketId")

EVENT_ID = ("id", "event_id")
NAME = ("name", "title")
ZONE = ("timezone", "time_zone", "tz")
STARTS = ("starts_at", "start", "starts", "start_date")
ENDS = ("ends_at", "end", "ends", "end_date")


# gc=False: JSON has no cycles, and the collector need not visit a million rows.
class UpstreamSale(msgspec.Struct, gc=False):
    sale_id: Any = None
    id: Any = None
    order_id: Any = None
    transaction_id: Any = None
    event_id: Any = None
    eventId: Any = None
    event: Any = None
    status: Any = None
    state: Any = None
    type: Any = None
    kind: Any = None
    quantity: Any = None
    qty: Any = None
    price: Any = None
    unit_price: Any = None
    amount: Any = None
    total_amount: Any = None
    currency: Any = None
    currency_code: Any = None
    sale_date: Any = None
    created_at: Any = None
    timestamp: Any = None
    updated_at: Any = None
    modified_at: Any = None
    last_modified: Any = None
    ticket_id: Any = None
    ticketId: Any = None


class UpstreamEvent(msgspec.Struct, gc=False):
    id: Any = None
    event_id: Any = None
    name: Any = None
    title: Any = None
    timezone: Any = None
    time_zone: Any = None
    tz: Any = None
    starts_at: Any = None
    start: Any = None
    starts: Any = None
    start_date: Any = None
    ends_at: Any = None
    end: Any = None
    ends: Any = None
    end_date: Any = None
    updated_at: Any = None
    modified_at: Any = None
    last_modified: Any = None


Fields = TypeVar("Fields", UpstreamSale, UpstreamEvent)


def fields_of(struct: type[Fields], payload: Mapping[str, Any]) -> Fields:
    """Return the fields of `payload` that `struct` has."""
    return struct(**{name: payload[name] for name in struct.__struct_fields__ if name in payload})


def first(fields: UpstreamSale | UpstreamEvent, names: tuple[str, ...]) -> tuple[str, Any]:
    """Return the first of `names` that has a value, and the value; without any, the first name and None."""
    for name in names:
        value = getattr(fields, name)
        if value is not None and value != "":
            return name, value
    return names[0], None
