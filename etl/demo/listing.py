"""
What the demo's upstream lists: events, and sales in the order in which they became known, a page at a time.
"""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any

from etl.demo.events import listed
from etl.demo.mistakes import mistakes_of_day
from etl.demo.sales import days_until, sales_of_day, sales_of_tonight
from etl.demo.versions import Version, current, in_order

# For how long a demo that is left running has new sales.
_AHEAD_DAYS = 14


class Listings:
    """A year of sales up to the day of `started_at`, and those of the fortnight after it as it comes."""

    def __init__(self, started_at: datetime) -> None:
        self._today = started_at.date()
        self._versions = _versions(self._today)

    def events(self, *, since: datetime | None, page: int, limit: int) -> dict[str, Any]:
        """Return a page of the events that changed at `since` or later."""
        rows = [
            event
            for event in listed(self._today)
            if since is None or datetime.fromisoformat(event["updated_at"]) >= since
        ]
        return _page(rows, page=page, limit=limit)

    def sales(self, *, since: datetime | None, page: int, limit: int, now: datetime) -> dict[str, Any]:
        """Return a page of the sales as they stand at `now`, those that changed at `since` or later."""
        # Seconds are cut, not rounded: `since` is included.
        oldest = 0 if since is None else int(since.timestamp())
        found = current(self._versions, since=oldest, now=int(now.timestamp()))
        return _page(found, page=page, limit=limit)


def _versions(today: date) -> list[Version]:
    days = days_until(today, ahead=_AHEAD_DAYS)
    made = (chain(sales_of_day(day), mistakes_of_day(day)) for day in days)
    return in_order(chain(sales_of_tonight(today), *made))


def _page(rows: Sequence[Version] | Sequence[dict[str, Any]], *, page: int, limit: int) -> dict[str, Any]:
    """Return one page in the upstream's form; the JSON rows are made for this page only."""
    shown = rows[(page - 1) * limit : page * limit]
    return {
        "data": [row.as_json() if isinstance(row, Version) else row for row in shown],
        "pagination": {"page": page, "total_pages": -(-len(rows) // limit), "total": len(rows)},
    }
