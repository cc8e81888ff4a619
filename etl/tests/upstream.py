"""
An upstream on a loopback port that answers as a script says, and remembers what it was asked.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    parameters: Mapping[str, str]
    authorization: str


@dataclass(frozen=True)
class Answer:
    """One answer; `body` is bytes as they are, or what becomes JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Upstream:
    """A running upstream: `url` is its base, `asked` what it was asked so far."""

    url: str
    asked: list[Asked]

    def pages_asked(self, path: str) -> list[str]:
        return [one.parameters.get("page", "") for one in self.asked if one.path == path]


Script = Callable[[Asked], Answer]


@contextmanager
def upstream(script: Script) -> Iterator[Upstream]:
    """Serve `script` below /api until the block ends."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            one = Asked(parts.path, dict(parse_qsl(parts.query)), self.headers.get("Authorization", ""))
            asked.append(one)
            answer = script(one)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content())))
            self.end_headers()
            self.wfile.write(answer.content())

        def log_message(self, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Upstream(f"http://127.0.0.1:{server.server_port}/api", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def in_turn(*answers: Answer) -> Script:
    """Give each of `answers` once, then the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
