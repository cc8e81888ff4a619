"""
A page of bytes, read at once: the quick way for the usual page, row by row for one that has an odd row.

Both ways give the same rows: they share every reader of a field, and a test compares them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from etl.parsing import payloads
from etl.parsing.dialect import Dialect
from etl.parsing.reading import Reading, rows_of
from etl.parsing.upstream_fields import UpstreamEvent, UpstreamSale
from etl.rows import Endpoint

Told = TypeVar("Told")

ROWS = ("data", "results", "items")


class NotAPage(ValueError):
    """The bytes are no page; the message says what they are instead."""


class Envelope(msgspec.Struct, Generic[Told], gc=False):
    """An object around the rows; what it tells about the next page is read by `etl.sources.pagination`."""

    data: list[Told] | None = None
    results: list[Told] | None = None
    items: list[Told] | None = None
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
        return _read_row_by_row(body, endpoint, dialect)
    told, envelope = _opened(page if isinstance(page, list) else msgspec.structs.asdict(page))
    return rows_of(told, endpoint, dialect, lambda: _opened(payloads.parsed(body))[0]), envelope


def _read_row_by_row(body: bytes, endpoint: Endpoint, dialect: Dialect) -> tuple[Reading, Mapping[str, Any]]:
    try:
        page = payloads.parsed(body)
    except UnicodeDecodeError as error:
        raise NotAPage(f"it is not UTF-8 from byte {error.start + 1} on") from None
    except ValueError as error:
        raise NotAPage(f"it is not JSON: {error}") from None
    rows, envelope = _opened(page)
    reading = Reading()
    for row in rows:
        reading.keep(dialect.row(endpoint, row))
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
