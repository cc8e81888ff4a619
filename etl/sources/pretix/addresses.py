"""
What is asked of pretix: paths with their query, below one organizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

# The most that pretix lists in one page.
PAGE_SIZE = 50
# What is read of an order: the buyer's name, address and secrets do not leave pretix. A pretix that does not
# know `include` sends all fields, which is read just as well.
_FIELDS = (
    *("code", "event", "status", "testmode", "datetime", "last_modified"),
    *(f"positions.{name}" for name in ("id", "positionid", "canceled", "item", "price")),
    *(f"fees.{name}" for name in ("id", "fee_type", "value", "canceled")),
    *(f"payments.{name}" for name in ("local_id", "state", "amount")),
    *(f"refunds.{name}" for name in ("local_id", "state", "amount", "created", "execution_date")),
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The lists of the organizer at `path`, such as "/api/v1/organizers/bigevents"."""

    path: str
    page_size: int = PAGE_SIZE

    def events(self) -> str:
        """Return the address of the first page of events."""
        return _with_query(f"{self.path}/events/", [("page_size", str(self.page_size))])

    def event(self, slug: str) -> str:
        """Return the address of one event."""
        return f"{self.path}/events/{quote(slug, safe='')}/"

    def orders(self, since: datetime | None) -> str:
        """Return the address of the first page of orders that changed at `since` or later, None for all."""
        return _with_query(
            f"{self.path}/orders/",
            [
                ("ordering", "last_modified"),
                # Orders in test mode are not sales, and may be deleted at any time.
                ("testmode", "false"),
                ("include_canceled_positions", "true"),
                ("include_canceled_fees", "true"),
                ("page_size", str(self.page_size)),
                *(("include", name) for name in _FIELDS),
                *([("modified_since", _iso(since))] if since else []),
            ],
        )

    def is_of_orders(self, address: str) -> bool:
        """Return whether `address` is a page of orders."""
        return address.startswith(f"{self.path}/orders/")

    def is_below(self, address: str) -> bool:
        """Return whether `address` belongs to this organizer."""
        return address.startswith(f"{self.path}/")


def _with_query(path: str, parameters: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(parameters)}"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
