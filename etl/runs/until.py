"""
The end of a period: what a source told beyond it is left for a later run.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar, cast

from etl.rows import EventRow, Page, SaleRow
from etl.timestamps import timestamp_of

AnyRow = TypeVar("AnyRow", EventRow, SaleRow)


def before(page: Page, until: datetime | None) -> Page:
    """Return `page` with its rows before `until` (None: all); an event without a timestamp stays."""
    if until is None or page.cursor_at is None or page.cursor_at < until:
        return page
    rows = _before(cast("Sequence[SaleRow]", page.rows), until)
    instants = [at for row in rows if (at := timestamp_of(row)) is not None]
    first_at, cursor_at = min(instants, default=None), max(instants, default=None)
    return replace(page, rows=rows, first_at=first_at, cursor_at=cursor_at)


def _before(rows: Sequence[AnyRow], until: datetime) -> list[AnyRow]:
    return [row for row in rows if (at := timestamp_of(row)) is None or at < until]
