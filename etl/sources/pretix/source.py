"""
The source: one organizer's events and orders, page by page.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from etl.rows import Endpoint, EventRow, Page, Rejection, SaleRow, span_of
from etl.sources.contract import SourceFailed
from etl.sources.pretix.addresses import PAGE_SIZE, Addresses
from etl.sources.pretix.events import read_event
from etl.sources.pretix.listing import Listing, document, listing
from etl.sources.pretix.orders import read_order
from etl.sources.pretix.walk import walk
from etl.sources.requests import Requests

_CURE = "set ETL_SOURCE_TOKEN to an API token of a team of the organizer, without the word Token"
_CHECK_CURE = (
    "pretix answers 403 where the token's team may not view events and orders, and for an organizer that it "
    "does not know; 404 for the orders is a pretix before 2023.8"
)
# Clocks differ.
_AHEAD = timedelta(days=1)


class Pretix:
    """One organizer; `base` is its URL in the API."""

    endpoints: tuple[Endpoint, ...] = (Endpoint.EVENTS, Endpoint.SALES)

    def __init__(self, base: str, *, name: str, token: str, page_size: int | None = None) -> None:
        self.name = name
        # By event, because an order does not name its currency.
        self._currencies: dict[str, str] = {}
        self._requests = Requests(base, authorization=f"Token {token}" if token else "", token_cure=_CURE)
        self._addresses = Addresses(self._requests.base.path, min(page_size or PAGE_SIZE, PAGE_SIZE))

    def pages(self, endpoint: Endpoint, *, since: datetime | None = None, resume: str = "") -> Iterator[Page]:
        """
        Yield the pages of `endpoint`, all events or the orders that changed at `since` or later.

        Raises:
            SourceFailed: a page could not be read, or `resume` belongs to another organizer.
        """
        if resume and not self._addresses.is_below(resume):
            raise SourceFailed(f"the run that stopped at {resume} read another organizer: begin with --full")
        if endpoint is Endpoint.EVENTS:
            return self._event_pages(resume or self._addresses.events())
        return self._order_pages(resume or self._addresses.orders(since))

    def check(self) -> Iterator[str]:
        """
        Yield what worked: the first page of the events and of the orders.

        Raises:
            SourceFailed: one could not be read.
        """
        for what, address in (("events", self._addresses.events()), ("orders", self._addresses.orders(None))):
            try:
                count = self._read(address).count
            except SourceFailed as failed:
                raise SourceFailed(f"{failed} ({_CHECK_CURE})") from failed
            yield f"{self._requests.base}/{what}/: {count} {what}"

    def close(self) -> None:
        """Close the sockets; a second call does nothing."""
        self._requests.close()

    def _event_pages(self, first: str) -> Iterator[Page]:
        for page, page_total in walk(first, read=self._read, addresses=self._addresses):
            read = [read_event(event) for event in page.rows]
            self._currencies.update((str(event.get("slug")), _currency(event)) for event in page.rows)
            yield Page(
                endpoint=Endpoint.EVENTS,
                rows=[row for row in read if isinstance(row, EventRow)],
                rejections=[row for row in read if isinstance(row, Rejection)],
                reference=page.address,
                page_total=page_total,
            )

    def _order_pages(self, first: str) -> Iterator[Page]:
        for page, page_total in walk(first, read=self._read, addresses=self._addresses):
            read = self._read_orders(page)
            rows = [row for found in read if not isinstance(found, Rejection) for row in found]
            first_at, cursor_at = span_of(rows)
            yield Page(
                endpoint=Endpoint.SALES,
                rows=rows,
                rejections=[found for found in read if isinstance(found, Rejection)],
                reference=page.address,
                first_at=first_at,
                cursor_at=cursor_at,
                page_total=page_total,
            )

    def _read_orders(self, page: Listing) -> list[list[SaleRow] | Rejection]:
        latest_at = datetime.now(UTC) + _AHEAD
        return [
            read_order(order, currency=self._currency_of(order), latest_at=latest_at)
            for order in page.rows
            # Orders in test mode are not sales. The address leaves them out; should one come, it is skipped.
            if order.get("testmode") is not True
        ]

    def _currency_of(self, order: Mapping[str, Any]) -> str:
        """Return the currency of the order's event, asked for where the event was not read before."""
        slug = order.get("event")
        if not isinstance(slug, str) or not slug:
            # The order is rejected for its event.
            return ""
        if slug not in self._currencies:
            address = self._addresses.event(slug)
            self._currencies[slug] = _currency(document(self._get(address), address=address))
        return self._currencies[slug]

    def _read(self, address: str) -> Listing:
        return listing(self._get(address), base=self._requests.base, address=address)

    def _get(self, address: str) -> bytes:
        return self._requests.get(address)


def _currency(event: Mapping[str, Any]) -> str:
    return str(event.get("currency") or "")
