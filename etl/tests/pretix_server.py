"""
A pretix of a few orders, over real HTTP: it filters, orders and pages as pretix' documentation says.

`change` happens between two requests, as buyers do it; `says` is what it answers instead.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

TOKEN = "e1l6gq2ye72thbwkacj7jbri7a7tvxe614ojv8ybureain92ocub46t5gab5966k"
PATH = "/api/v1/organizers/bigevents"


def event(slug: str = "sampleconf", **changes: Any) -> dict[str, Any]:
    """An event with the fields that pretix documents."""
    fields: dict[str, Any] = {
        "name": {"de": "Beispielkonferenz", "en": "Sample Conference"},
        "slug": slug,
        "live": True,
        "testmode": False,
        "currency": "EUR",
        "date_from": "2026-12-27T10:00:00+01:00",
        "date_to": None,
        "date_admission": None,
        "is_public": True,
        "location": None,
        "has_subevents": False,
        "meta_data": {},
        "plugins": ["pretix.plugins.banktransfer"],
        "timezone": "Europe/Berlin",
    }
    return fields | changes


def position(number: int, price: str = "23.00", **changes: Any) -> dict[str, Any]:
    """A position with the fields that are asked for."""
    return {"id": number, "positionid": 1, "canceled": False, "item": 1345, "price": price} | changes


def fee(number: int, value: str, **changes: Any) -> dict[str, Any]:
    return {"id": number, "fee_type": "service", "value": value, "canceled": False} | changes


def payment(amount: str, state: str = "confirmed") -> dict[str, Any]:
    return {"local_id": 1, "state": state, "amount": amount}


def refund(local_id: int, amount: str, state: str = "done", **changes: Any) -> dict[str, Any]:
    return {
        "local_id": local_id,
        "state": state,
        "amount": amount,
        "created": f"2026-02-0{local_id}T10:00:00Z",
        "execution_date": f"2026-02-0{local_id}T12:00:00Z",
    } | changes


def order(code: str = "ABC12", **changes: Any) -> dict[str, Any]:
    """A paid order of one ticket."""
    fields: dict[str, Any] = {
        "code": code,
        "event": "sampleconf",
        "status": "p",
        "testmode": False,
        "datetime": "2026-01-01T10:00:00.596934Z",
        "last_modified": "2026-01-02T10:00:00.596934Z",
        "positions": [position(23442)],
        "fees": [],
        "payments": [payment("23.00")],
        "refunds": [],
    }
    return fields | changes


class Pretix(ThreadingHTTPServer):
    """`requests` has each path and query that was asked for; `headers` those of the last request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.events = [event()]
        self.orders: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.headers: dict[str, str] = {}
        self.change: Callable[[], None] = lambda: None
        self.next_link: Callable[[str], str | None] = lambda link: link
        self.knows_all_orders = True
        self.heeds_ordering = True
        self.says: Any = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, target: str) -> tuple[int, Any]:
        """Return the status and the document for one path and query."""
        if self.says is not None:
            return 200, self.says
        url = urlsplit(target)
        query = dict(parse_qsl(url.query))
        if url.path == f"{PATH}/events/":
            return 200, self._page(self.events, url.path, query)
        if url.path == f"{PATH}/orders/" and self.knows_all_orders:
            return 200, self._page(self._orders(query), url.path, query)
        for row in self.events:
            if url.path == f"{PATH}/events/{row['slug']}/":
                return 200, row
        return 404, {"detail": "Not found."}

    def _orders(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found = [row for row in self.orders if row["last_modified"] >= query.get("modified_since", "")]
        return sorted(found, key=lambda row: row[query["ordering"]]) if self.heeds_ordering else found

    def _page(self, rows: list[dict[str, Any]], path: str, query: dict[str, str]) -> dict[str, Any]:
        page, size = int(query.get("page", 1)), min(int(query.get("page_size", 50)), 50)
        following = f"{self.origin}{path}?{urlencode(query | {'page': str(page + 1)})}"
        link = following if page * size < len(rows) else None
        shown = rows[(page - 1) * size : page * size]
        return {
            "count": len(rows),
            "next": self.next_link(link) if link else None,
            "previous": None,
            "results": shown,
        }


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Pretix

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.server.headers = dict(self.headers)
        is_known = self.headers.get("Authorization") == f"Token {TOKEN}"
        status, document = self.server.answer(self.path) if is_known else (401, {"detail": "Invalid token."})
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.change()

    def log_message(self, *_: object) -> None:
        """Keep the test's output readable."""


@contextmanager
def pretix_running() -> Iterator[Pretix]:
    with Pretix() as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()
