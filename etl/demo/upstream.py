"""
The demo's upstream API: `GET /events` and `GET /ticket-sales` with a bearer token, on loopback only.

`ETL_SOURCE_TOKEN=… python -m etl.demo.upstream --port 9000` serves until its standard input ends: so it ends
when its parent does, however that ends. `etl.demo.process` starts it on a socket that listens already.
"""

import argparse
import hmac
import json
import os
import socket
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from etl.demo.listing import Listings

# Where the environment has the token that requests must carry.
BEARER_VARIABLE = "ETL_SOURCE_TOKEN"
HOST = "127.0.0.1"
_DEFAULT_LIMIT, _HIGHEST_LIMIT = 500, 1000


class Upstream(ThreadingHTTPServer):
    """Serves `listings` on `listener`, a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, *, listings: Listings, token: str) -> None:
        super().__init__(listener.getsockname(), Answer, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.listings = listings
        self.token = token


class Answer(BaseHTTPRequestHandler):
    """One request. Nothing of it is written to a log."""

    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        """Answer with a page, or with what is wrong."""
        try:
            self._send(*self._answer())
        except ValueError as error:
            self._send(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def log_message(self, *_: object) -> None:
        """Log nothing: the demo's terminal belongs to the service."""

    def _answer(self) -> tuple[HTTPStatus, Mapping[str, Any]]:
        expected = f"Bearer {self.server.token}"
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), expected.encode()):
            return HTTPStatus.UNAUTHORIZED, {"error": "the bearer token is missing or wrong"}
        url = urlsplit(self.path)
        wanted = _wanted(dict(parse_qsl(url.query)))
        if url.path == "/events":
            return HTTPStatus.OK, self.server.listings.events(**wanted)
        if url.path == "/ticket-sales":
            return HTTPStatus.OK, self.server.listings.sales(**wanted, now=datetime.now(UTC))
        return HTTPStatus.NOT_FOUND, {"error": "there are /events and /ticket-sales"}

    def _send(self, status: HTTPStatus, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on loopback; 0 takes a free port."""
    return socket.create_server((HOST, port))


def _wanted(query: Mapping[str, str]) -> dict[str, Any]:
    """
    Return which page is asked for.

    Raises:
        ValueError: a number or the instant cannot be read, or the instant has no offset.
    """
    page, limit = int(query.get("page", 1)), int(query.get("limit", _DEFAULT_LIMIT))
    if page < 1 or not 1 <= limit <= _HIGHEST_LIMIT:
        raise ValueError(
            f"page {page} of {limit} rows: pages begin at 1, and have 1 to {_HIGHEST_LIMIT} rows"
        )
    since = datetime.fromisoformat(query["since"]) if query.get("since") else None
    if since is not None and since.tzinfo is None:
        raise ValueError("`since` needs an offset from UTC, such as Z")
    return {"since": since, "page": page, "limit": limit}


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m etl.demo.upstream")
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0 takes a free one")
    parser.add_argument("--socket", type=int, help="the number of an open file: a socket that listens")
    wanted = parser.parse_args()
    listener = listen(wanted.port) if wanted.socket is None else socket.socket(fileno=wanted.socket)
    server = Upstream(listener, listings=Listings(datetime.now(UTC)), token=os.environ[BEARER_VARIABLE])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.buffer.read()
    server.shutdown()


if __name__ == "__main__":
    main()
