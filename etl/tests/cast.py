"""
The cast: tonight's show in Berlin, the matinee in Auckland, the late show in Los Angeles; and their sales.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from etl.loading.cursors import STEPS
from etl.loading.load import Counts, load_page
from etl.models import DailyTicketSales, EventSalesSummary, RawSale, Run
from etl.rows import Endpoint, EventRow, Page, Rejection, SaleRow, span_of, timestamp_of
from etl.runs.options import RunOptions
from etl.runs.pipeline import run_etl

UPSTREAM = "upstream"
TONIGHT, MATINEE, LATE_SHOW = "tonight", "matinee", "late show"
BERLIN, AUCKLAND, LOS_ANGELES = "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MONDAY = date(2026, 1, 5)


def sale(sale_id: str = "S-1", **changes: Any) -> SaleRow:
    """Return the sale of two of tonight's tickets for 40 EUR, on Monday at noon."""
    row = SaleRow(
        sale_id=sale_id,
        event_id=TONIGHT,
        kind="sale",
        quantity=2,
        amount=Decimal("40.00"),
        currency="EUR",
        sold_at=NOON,
        sold_on=None,
        updated_at=NOON,
        ticket_id="TKT-1",
    )
    return row._replace(**changes)


def instant(row: SaleRow) -> datetime:
    """Return when `row` changed last: every sale of the cast has that time."""
    assert row.updated_at is not None
    return row.updated_at


def event(event_id: str = TONIGHT, zone: str = BERLIN, **changes: Any) -> EventRow:
    row = EventRow(
        event_id=event_id, name=event_id.title(), timezone=zone, starts_at=None, ends_at=None, updated_at=None
    )
    return row._replace(**changes)


def rejection(sale_id: str = "S-9") -> Rejection:
    payload = {"sale_id": sale_id, "quantity": -1}
    return Rejection(payload=payload, upstream_id=sale_id, field="quantity", reason="-1 is negative")


def page_of(
    rows: Sequence[Any], *, rejections: Sequence[Rejection] = (), reference: str = "", **changes: Any
) -> Page:
    """Return a page of these rows, of events when the first one is an event."""
    endpoint = Endpoint.EVENTS if rows and isinstance(rows[0], EventRow) else Endpoint.SALES
    first_at, cursor_at = span_of(rows)
    fields = {
        "endpoint": endpoint,
        "rows": rows,
        "rejections": rejections,
        "reference": reference,
        "first_at": first_at,
        "cursor_at": cursor_at,
    }
    return Page(**{**fields, **changes})


def load(*rows: Any, source: str = UPSTREAM, rejections: Sequence[Rejection] = ()) -> Counts:
    """Load one page outside a run."""
    return load_page(page_of(rows, rejections=rejections), source=source, now=datetime.now(UTC))


def days(event_id: str = TONIGHT) -> dict[tuple[date, str], tuple[int, Decimal]]:
    """Return what the summary says of an event: (day, currency) -> (tickets, revenue)."""
    return {
        (each.sale_date, each.currency): (each.tickets_sold, each.revenue)
        for each in DailyTicketSales.objects.filter(event_id=event_id)
    }


def totals(event_id: str = TONIGHT) -> dict[str, tuple[int, Decimal]]:
    """Return an event's totals: currency -> (tickets, revenue)."""
    return {
        each.currency: (each.total_tickets, each.total_revenue)
        for each in EventSalesSummary.objects.filter(event_id=event_id)
    }


def stored(sale_id: str = "S-1", source: str = UPSTREAM) -> RawSale:
    return RawSale.objects.get(source=source, sale_id=sale_id)


def sales_in_a_row(count: int, *, minutes: int = 10) -> list[SaleRow]:
    """Return sales of three events, each `minutes` after the one before."""
    return [
        sale(
            f"S-{number:04}",
            event_id=(TONIGHT, MATINEE, LATE_SHOW)[number % 3],
            amount=Decimal(number),
            sold_at=NOON + timedelta(minutes=minutes * number),
            updated_at=NOON + timedelta(minutes=minutes * number),
        )
        for number in range(count)
    ]


class ListSource:
    """
    A source in memory that keeps the contract: `since`, `resume`, pages of `size` rows in the order given.

    Args:
        before_page: called with a page's number, in the reader's thread, before it is yielded.
    """

    def __init__(
        self,
        sales: Sequence[SaleRow | Rejection] = (),
        *,
        events: Sequence[EventRow] = (),
        size: int = STEPS + 1,
        name: str = UPSTREAM,
        before_page: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.name, self.size, self.before_page = name, size, before_page
        self.rows: dict[Endpoint, Sequence[Any]] = {Endpoint.EVENTS: events, Endpoint.SALES: sales}
        self.endpoints = tuple(endpoint for endpoint, rows in self.rows.items() if rows)
        self.asked: list[tuple[Endpoint, datetime | None, str]] = []

    def pages(self, endpoint: Endpoint, *, since: datetime | None = None, resume: str = "") -> Iterator[Page]:
        self.asked.append((endpoint, since, resume))
        rows = [row for row in self.rows[endpoint] if _is_since(row, since)]
        for number, start in enumerate(range(0, len(rows), self.size)):
            if number >= int(resume or 0):
                self.before_page(number)
                part = rows[start : start + self.size]
                typed = [row for row in part if not isinstance(row, Rejection)]
                rejected = [row for row in part if isinstance(row, Rejection)]
                yield page_of(typed, rejections=rejected, reference=str(number), endpoint=endpoint)

    def check(self) -> Iterator[str]:
        yield f"{len(self.endpoints)} endpoints in memory"

    def close(self) -> None:
        """Nothing is open."""


def _is_since(row: Any, since: datetime | None) -> bool:
    at = None if isinstance(row, Rejection) else timestamp_of(row)
    return since is None or at is None or at >= since


class Witness:
    """A watcher that remembers each page, and may do something after one."""

    def __init__(self, after_page: Callable[[int], object] = lambda _: None) -> None:
        self.after_page = after_page
        self.pages: list[tuple[Page, Counts]] = []
        self.is_resumed: bool | None = None
        self.when_waiting: Callable[[], object] = lambda: None
        self.waited = threading.Event()

    def run_started(self, run: Run, *, resumed: bool) -> None:
        self.is_resumed = resumed

    def page_loaded(self, page: Page, counts: Counts, totals: Counts, page_count: int) -> None:
        self.pages.append((page, counts))
        self.after_page(page_count)

    def waiting(self, seconds: float) -> None:
        self.waited.set()
        self.when_waiting()


def run(
    source: ListSource,
    *,
    watcher: Witness | None = None,
    stop: threading.Event | None = None,
    **options: Any,
) -> Run:
    """Run the ETL over `source`."""
    return run_etl(
        source,
        options=RunOptions(**options),
        watcher=watcher or Witness(),
        stop=stop or threading.Event(),
    )
