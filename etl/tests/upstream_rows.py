"""
A sale of two tickets as an upstream sends it, and what is read from it, for the tests of the parsing.
"""

from datetime import UTC, datetime
from typing import Any

from etl.parsing import Dialect, events
from etl.parsing.sales import read_sale
from etl.rows import EventRow, Rejection, SaleRow

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TONIGHT = "EV-TONIGHT"


def sent(**changes: Any) -> dict[str, Any]:
    """Return a sale as an upstream sends it; a change to None leaves the field out."""
    payload = {
        "sale_id": "S-1",
        "event_id": TONIGHT,
        "quantity": 2,
        "total_amount": "50.00",
        "currency": "EUR",
        "sale_date": "2026-05-31T19:30:00Z",
        **changes,
    }
    return {name: value for name, value in payload.items() if value is not None}


def read(*, dialect: Dialect | None = None, **changes: Any) -> SaleRow:
    """Return the row of a sale that can be read."""
    row = read_sale(sent(**changes), dialect or Dialect(now=NOW))
    assert isinstance(row, SaleRow), row
    return row


def rejected(*, dialect: Dialect | None = None, **changes: Any) -> Rejection:
    """Return the rejection of a sale that cannot."""
    row = read_sale(sent(**changes), dialect or Dialect(now=NOW))
    assert isinstance(row, Rejection), row
    return row


def read_event(*, dialect: Dialect | None = None, **payload: Any) -> EventRow:
    """Return the row of an event that can be read."""
    row = events.read_event(payload, dialect or Dialect(now=NOW))
    assert isinstance(row, EventRow), row
    return row
