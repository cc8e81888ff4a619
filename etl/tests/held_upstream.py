"""The upstream ticketing API as a deployment has it: it pages, wants its token, and can hold a page back."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from etl.tests.upstream import Answer, Asked, upstream

TOKEN = "token-of-the-upstream"


@dataclass
class HeldUpstream:
    """
    What the API has and how it behaves.

    `held_page` is the page of sales that is answered only once `released` is set; `reached` is set when it
    is asked for.
    """

    sales: Sequence[dict[str, Any]]
    events: Sequence[dict[str, Any]] = ()
    page_size: int = 10
    status: int = 200
    held_page: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def answer(self, asked: Asked) -> Answer:
        """Return one page, of the rows that are not older than `since`, oldest first."""
        if asked.authorization != f"Bearer {TOKEN}":
            return Answer(status=401)
        number = int(asked.parameters.get("page", "1"))
        is_of_sales = asked.path.endswith("/ticket-sales")
        if is_of_sales and number == self.held_page:
            self.reached.set()
            self.released.wait()
        since = asked.parameters.get("since", "").replace("+00:00", "Z")
        rows = [
            row for row in (self.sales if is_of_sales else self.events) if row.get("updated_at", "9") >= since
        ]
        return Answer(self._page(rows, number), status=self.status)

    def _page(self, rows: list[dict[str, Any]], number: int) -> dict[str, Any]:
        start = (number - 1) * self.page_size
        total = max(1, -(-len(rows) // self.page_size))
        return {"data": rows[start : start + self.page_size], "page": number, "total_pages": total}


@contextmanager
def served(held: HeldUpstream) -> Iterator[HeldUpstream]:
    """Serve `held` on a port of this machine, and set its address."""
    with upstream(held.answer) as running:
        held.address = running.url
        try:
            yield held
        finally:
            held.released.set()
