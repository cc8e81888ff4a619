"""
Pagination of a list: page after page.

Orders come in the order of their last change. After each page the list is asked for again, from the last
change that was seen, instead of by page number: an order that changes meanwhile moves to the end of the list,
and the next page by number would begin one order too late. The order at the seam is read twice, which changes
nothing.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from etl.sources.contract import SourceFailed
from etl.sources.pretix.addresses import Addresses
from etl.sources.pretix.listing import Listing
from etl.sources.pretix.orders import changed_at


def walk(
    first: str, *, read: Callable[[str], Listing], addresses: Addresses
) -> Iterator[tuple[Listing, int | None]]:
    """
    Yield each page from the address `first` on, with the number of pages there are, if pretix says so.

    Raises:
        SourceFailed: a page leads back to one that was read, or orders come in another order.
    """
    address, seen, page_count, left_behind = first, set[str](), 0, 0
    while address:
        if address in seen:
            raise SourceFailed(f"{address} leads back to itself: it would be read for ever")
        seen.add(address)
        page = read(address)
        page_count += 1
        yield page, _page_total(page, left_behind, addresses.page_size)
        last_change = _last_change(page) if page.next and addresses.is_of_orders(page.address) else None
        address = addresses.orders(last_change) if last_change else page.next
        if last_change:
            # Pages before this one cannot come again: `seen` does not grow with the orders.
            seen.clear()
            left_behind = page_count


def _last_change(page: Listing) -> datetime | None:
    """Return the last change on `page`; None when all of its orders changed at the same instant."""
    changes = [at for at in map(changed_at, page.rows) if at is not None]
    if changes != sorted(changes):
        raise SourceFailed(
            "the orders are not in the order of their last change: pretix 2023.8 or newer is needed"
        )
    return changes[-1] if changes and changes[0] != changes[-1] else None


def _page_total(page: Listing, left_behind: int, page_size: int) -> int | None:
    return None if page.count is None else left_behind + -(-page.count // page_size)
