"""
The typed rows that a source yields, and the page that carries them. Nothing here reads or stores anything.

A row is a plain tuple in the order of the staging table's columns, because a run makes millions of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, cast

# No time zone is further ahead of UTC, so nowhere on Earth does a day begin earlier.
FURTHEST_AHEAD = timedelta(hours=14)


class Endpoint(StrEnum):
    """What a source is asked for; events come first, because their time zones decide the days of sales."""

    EVENTS = "events"
    SALES = "sales"


class EventRow(NamedTuple):
    """One event; a field that the source does not send is "" or None. Instants are aware."""

    event_id: str
    name: str
    timezone: str
    starts_at: datetime | None
    ends_at: datetime | None
    updated_at: datetime | None


class SaleRow(NamedTuple):
    """
    One sale, as `etl.models.RawSale` describes it.

    Exactly one of `sold_at` (aware) and `sold_on` is set. `updated_at` is None where the source keeps no time
    of the last change.
    """

    sale_id: str
    event_id: str
    kind: str
    quantity: int
    amount: Decimal
    currency: str
    sold_at: datetime | None
    sold_on: date | None
    updated_at: datetime | None
    ticket_id: str


class Rejection(NamedTuple):
    """A row that cannot be read: whole, as the source sent it, with the field at fault and what to do."""

    payload: Any
    upstream_id: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    What a source yields, one endpoint at a time.

    Attributes:
        reference: where a later run may resume after an interruption: give it to `pages(resume=...)` and this
            page comes first again. "" where that is not possible.
        cursor_at: the greatest source timestamp among `rows`; None when no row has one.
        first_at: the least one, by which a run sees whether pages come in order.
        page_total: how many pages there are, where the source says so.
        row_total: how many rows there are in all, where the source says so.
    """

    endpoint: Endpoint
    rows: Sequence[EventRow] | Sequence[SaleRow]
    rejections: Sequence[Rejection] = ()
    reference: str = ""
    first_at: datetime | None = None
    cursor_at: datetime | None = None
    page_total: int | None = None
    row_total: int | None = None

    def before(self, until: datetime | None) -> "Page":
        """Return the page with its rows before `until` (None: all); an event without a timestamp stays."""
        if until is None or self.cursor_at is None or self.cursor_at < until:
            return self
        rows = [row for row in self.rows if (at := timestamp_of(row)) is None or at < until]
        first_at, cursor_at = span_of(rows)
        return replace(self, rows=cast("Sequence[SaleRow]", rows), first_at=first_at, cursor_at=cursor_at)


def timestamp_of(row: EventRow | SaleRow) -> datetime | None:
    """
    Return the source's timestamp of a row, by which cursors move: its last change, else when it was sold.

    Aware; None where the source sends neither. A day counts from its earliest beginning on Earth.
    """
    if row.updated_at is not None or isinstance(row, EventRow):
        return row.updated_at
    if row.sold_at is not None or row.sold_on is None:
        return row.sold_at
    return _earliest_beginning(row.sold_on)


def span_of(rows: Iterable[EventRow | SaleRow]) -> tuple[datetime | None, datetime | None]:
    """Return the least and the greatest timestamp of `rows`; None twice when no row has one."""
    stamps = [at for row in rows if (at := timestamp_of(row)) is not None]
    return min(stamps, default=None), max(stamps, default=None)


def _earliest_beginning(day: date) -> datetime:
    midnight = datetime.combine(day, time(), UTC)
    # The calendar has nothing before its first day.
    return midnight - FURTHEST_AHEAD if day > date.min else midnight
