"""
A page of bytes, read at once: the quick way for the usual page, row by row for one with an unusual row.

Both ways give the same rows: they share every reader of a field, and a test compares them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from etl.parsing.dialect import Dialect
from etl.parsing.events import event_row, read_event
from etl.parsing.sales import read_sale, sale_row
from etl.parsing.upstream_fields import UpstreamEvent, UpstreamSale
from etl.parsing.values import Unreadable, shown
from etl.rows import Endpoint, EventRow, Page, Rejection, SaleRow, span_of, timestamp_of

Fields = TypeVar("Fields")

ROWS = ("data", "results", "items")
# Python refuses to read a whole number of more digits.
_DIGITS = 1000


class NotAPage(ValueError):
    """The bytes are not a page; the message says what they are instead."""


class Envelope(msgspec.Struct, Generic[Fields], gc=False):
    """An object around the rows; what it says about the next page is read by `etl.sources.pagination`."""

    data: list[Fields] | None = None
    results: list[Fields] | None = None
    items: list[Fields] | None = None
    pagination: Any = None
    next_page: Any = None
    nextPage: Any = None
    page: Any = None
    total_pages: Any = None
    totalPages: Any = None
    has_more: Any = None
    hasMore: Any = None


_DECODERS = {
    Endpoint.SALES: msgspec.json.Decoder(list[UpstreamSale] | Envelope[UpstreamSale], float_hook=Decimal),
    Endpoint.EVENTS: msgspec.json.Decoder(list[UpstreamEvent] | Envelope[UpstreamEvent], float_hook=Decimal),
}
_any_decoder = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(slots=True)
class Reading:
    """Rows of one endpoint in the order in which they came, and rejections in theirs."""

    rows: list[Any] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows) + len(self.rejections)

    def keep(self, row: SaleRow | EventRow | Rejection) -> None:
        """Put `row` where it belongs."""
        if isinstance(row, Rejection):
            self.rejections.append(row)
        else:
            self.rows.append(row)

    def leave_out_before(self, since: datetime) -> None:
        """Forget the rows that last changed before `since`; a row without a timestamp stays."""
        self.rows = [row for row in self.rows if (at := timestamp_of(row)) is None or at >= since]

    def page(self, endpoint: Endpoint, *, reference: str, page_total: int | None = None) -> Page:
        """Return the page of what was read."""
        first_at, cursor_at = span_of(self.rows)
        return Page(
            endpoint=endpoint,
            rows=self.rows,
            rejections=self.rejections,
            reference=reference,
            first_at=first_at,
            cursor_at=cursor_at,
            page_total=page_total,
        )


def read_page(body: bytes, endpoint: Endpoint, dialect: Dialect) -> tuple[Reading, Mapping[str, Any]]:
    """
    Read the rows of a page, and return them with what surrounds them: {} around a plain list.

    The rows are a JSON list, or an object's list under data, results or items.

    Raises:
        NotAPage: not JSON, or neither of the two.
    """
    try:
        page = _DECODERS[endpoint].decode(body)
    except (ValueError, RecursionError):
        return _read_page_row_by_row(body, endpoint, dialect)
    rows, envelope = _opened(page if isinstance(page, list) else msgspec.structs.asdict(page))
    return read_rows(rows, endpoint, dialect, lambda: _opened(parse_json(body))[0]), envelope


def read_rows(
    rows: Iterable[Any], endpoint: Endpoint, dialect: Dialect, payloads: Callable[[], list[Any]]
) -> Reading:
    """
    Read each of `rows`, which are decoded; one that is unusual is read again from its payload, by `read_row`.

    `payloads` returns those of all `rows`, in the same order; it is called when one is needed.
    """
    reading, whole = Reading(), None
    read: Callable[..., Any] = sale_row if endpoint is Endpoint.SALES else event_row
    append = reading.rows.append
    for index, row in enumerate(rows):
        try:
            append(read(row, dialect))
        except Unreadable:
            whole = whole or payloads()
            reading.keep(read_row(whole[index], endpoint, dialect))
    return reading


def read_row(payload: Any, endpoint: Endpoint, dialect: Dialect) -> SaleRow | EventRow | Rejection:
    """Read one row of `endpoint`, whatever `payload` is."""
    if not isinstance(payload, Mapping):
        return Rejection(payload, "", "", f"{shown(payload)} is not an object with the fields of a row")
    return read_sale(payload, dialect) if endpoint is Endpoint.SALES else read_event(payload, dialect)


def parse_json(text: str | bytes) -> Any:
    """
    Return the value of JSON text, with decimals as Decimal.

    Raises:
        ValueError: not JSON, not UTF-8, or nested too deeply.
    """
    try:
        return _any_decoder.decode(text)
    except (ValueError, RecursionError):
        # The standard library reads what msgspec refuses: half characters, NaN, endless numbers. Whether
        # that can be right is decided where a field is read.
        return _leniently_parsed(text)


def _leniently_parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_int=_whole, parse_constant=str)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < _DIGITS else Decimal(digits)


def _read_page_row_by_row(
    body: bytes, endpoint: Endpoint, dialect: Dialect
) -> tuple[Reading, Mapping[str, Any]]:
    try:
        page = parse_json(body)
    except UnicodeDecodeError as error:
        raise NotAPage(f"it is not UTF-8 from byte {error.start + 1} on") from None
    except ValueError as error:
        raise NotAPage(f"it is not JSON: {error}") from None
    rows, envelope = _opened(page)
    reading = Reading()
    for row in rows:
        reading.keep(read_row(row, endpoint, dialect))
    return reading, envelope


def _opened(page: Any) -> tuple[list[Any], Mapping[str, Any]]:
    """Return the rows of a page, and what surrounds them."""
    if isinstance(page, list):
        return page, {}
    if not isinstance(page, Mapping):
        raise NotAPage("it is neither a list nor an object")
    name = next((name for name in ROWS if page.get(name) is not None), None)
    if name is None or not isinstance(page[name], list):
        raise NotAPage(f"it is an object without a list under {', '.join(ROWS)}")
    return page[name], {key: value for key, value in page.items() if key not in ROWS}
