"""
The source's timestamp of a row, by which cursors move: when it changed last, else when it was sold.
"""

from datetime import UTC, date, datetime, time, timedelta

from etl.rows import EventRow, SaleRow

# No zone is further ahead of UTC: no part of the earth begins a day earlier.
FURTHEST_AHEAD = timedelta(hours=14)


def timestamp_of(row: EventRow | SaleRow) -> datetime | None:
    """Return it, aware; None where the source tells none. A day counts from its earliest beginning."""
    if row.updated_at is not None or isinstance(row, EventRow):
        return row.updated_at
    if row.sold_at is not None or row.sold_on is None:
        return row.sold_at
    return beginning_of(row.sold_on)


def beginning_of(day: date) -> datetime:
    """Return the earliest instant, anywhere on Earth, at which `day` begins."""
    midnight = datetime.combine(day, time(), UTC)
    # The calendar has nothing before its first day.
    return midnight - FURTHEST_AHEAD if day > date.min else midnight
