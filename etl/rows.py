"""
The typed rows that a source yields, and the page that carries them. Nothing here reads or stores anything.

A row is a plain tuple in the order of the staging table's columns, because a run makes millions of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple


class Endpoint(StrEnum):
    """What a source is asked for; events come first, because days are cut in their time zones."""

    EVENTS = "events"
    SALES = "sales"


class EventRow(NamedTuple):
    """One event; "" or None is what the source did not tell. Instants are aware."""

    event_id: str
    name: str
    timezone: str
    starts_at: datetime | None
    ends_at: datetime | None
    updated_at: datetime | None


class SaleRow(NamedTuple):
    """
    One sale, as `etl.models.RawSale` describes it.

    Exactly one of `sold_at` (aware) and `sold_on` is told. `updated_at` is None where the source keeps none.
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
    """A row that cannot be read: whole, as the source told it, with the field at fault and what to do."""

    payload: Any
    upstream_id: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    What a source yields, one endpoint at a time.

    Attributes:
        reference: where a later run may go on after an interruption: give it to `pages(resume=...)` and this
            page comes first again. "" where that is not possible.
        cursor_at: the greatest source timestamp among `rows`; None when there is none.
        first_at: the least one, by which a run sees whether pages come in order.
        page_total: how many pages there are, where the source tells.
        row_total: how many rows there are in all, where the source tells.
    """

    endpoint: Endpoint
    rows: Sequence[EventRow] | Sequence[SaleRow]
    rejections: Sequence[Rejection] = ()
    reference: str = ""
    first_at: datetime | None = None
    cursor_at: datetime | None = None
    page_total: int | None = None
    row_total: int | None = None
