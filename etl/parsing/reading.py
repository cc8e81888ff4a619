"""
What came of reading rows: those that could be read, and the others with their reasons.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from etl.parsing.dialect import Dialect
from etl.parsing.events import event_row
from etl.parsing.sales import sale_row
from etl.parsing.values import Unreadable
from etl.rows import Endpoint, EventRow, Page, Rejection, SaleRow, span_of, timestamp_of


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
        """Forget the rows that the source last touched before `since`; a row without a timestamp stays."""
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


def rows_of(
    told: Iterable[Any], endpoint: Endpoint, dialect: Dialect, payloads: Callable[[], list[Any]]
) -> Reading:
    """
    Read each of `told`; one that is not plain is read again from its payload, the long way.

    `payloads` returns those of all `told`, in the same order; it is called when one is needed.
    """
    reading, rules, whole = Reading(), dialect.rules, None
    read: Callable[..., Any] = sale_row if endpoint is Endpoint.SALES else event_row
    append = reading.rows.append
    for index, item in enumerate(told):
        try:
            append(read(item, rules))
        except Unreadable:
            whole = whole or payloads()
            reading.keep(dialect.row(endpoint, whole[index]))
    return reading
