"""
The source's timestamp of a row, by which cursors move: when it changed last, else when it was sold.
"""

from datetime import UTC, datetime, time, timedelta

from etl.rows import EventRow, SaleRow

# No zone is further ahead of UTC: no part of the earth begins a day earlier.
_EARLIEST_BEGINNING = timedelta(hours=-14)


def timestamp_of(row: EventRow | SaleRow) -> datetime | None:
    """Return it, aware; None where the source tells none. A day counts from its earliest beginning."""
    if row.updated_at is not None or isinstance(row, EventRow):
        return row.updated_at
    if row.sold_at is not None:
        return row.sold_at
    if row.sold_on is None:
        return None
    return datetime.combine(row.sold_on, time.min, UTC) + _EARLIEST_BEGINNING
