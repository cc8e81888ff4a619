"""
The kinds of text and time that requests carry, bounded before they reach the database.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from annotated_types import Len
from ninja import Header
from pydantic import PlainValidator, StringConstraints, WithJsonSchema

from analytics import deadlines, limits

# Postgres cannot store NUL.
_NO_NUL = r"^[^\x00]*$"


def _text(length: int, *, minimum: int = 0) -> Any:
    return StringConstraints(min_length=minimum, max_length=length, pattern=_NO_NUL)


def instant(value: Any) -> datetime:
    """
    Read an instant.

    Raises:
        ValueError: it is none, or has no time zone.
    """
    try:
        instant = datetime.fromisoformat(value)
    except TypeError:
        raise ValueError("is not text: send an instant such as 2025-06-01T20:00:00Z") from None
    except ValueError:
        raise ValueError(
            "is not an ISO 8601 instant: send one such as 2025-06-01T20:00:00Z (in a URL, write + as %2B)"
        ) from None
    if instant.tzinfo is None:
        raise ValueError("has no time zone: add Z or an offset such as +01:00 (in a URL, write + as %2B)")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


def _day(value: object) -> date:
    try:
        # Not date.fromisoformat, which also reads weeks and days without dashes.
        return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError("is not a day: send one such as 2025-06-01") from None


EventId = Annotated[str, _text(limits.EVENT_ID, minimum=1)]
Events = Annotated[list[EventId], Len(1, limits.EVENTS)]
TicketId = Annotated[str, _text(limits.TICKET_ID, minimum=1)]
User = Annotated[str, _text(limits.USER, minimum=1)]
Reason = Annotated[str, _text(limits.REASON, minimum=1)]
TransferReason = Annotated[str, _text(limits.TRANSFER_REASON)]
Detail = Annotated[str, _text(limits.DETAIL)]
Gate = Annotated[str, _text(limits.GATE)]
ScannerId = Annotated[str, _text(limits.SCANNER_ID)]
MaybeEventId = Annotated[str, _text(limits.EVENT_ID)]
MaybeTicketId = Annotated[str, _text(limits.TICKET_ID)]
Instant = Annotated[
    datetime,
    PlainValidator(instant),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "with a time zone"}),
]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
# Read by `analytics.deadlines`; here it is checked, and documented.
Patience = Annotated[
    float,
    Header(
        alias=deadlines.HEADER,
        ge=deadlines.SHORTEST_SECONDS,
        allow_inf_nan=False,
        description="seconds that the caller waits, at most SCAN_TIMEOUT; nothing is stored afterwards",
    ),
]
