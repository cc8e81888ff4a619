"""
The service as it runs for people, on a test's database: `manage.py serve` with one worker.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import httpx
from django.conf import settings
from django.db import connection

from core.embedded import EmbeddedPostgres
from core.tests.fixtures import eventually

# On a machine that runs the other tests too.
START_SECONDS = 60.0


def free_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def serving(postgres: EmbeddedPostgres, *, log: Path, **environment: str) -> Iterator[int]:
    """Serve on the test's database, with these settings; yield the port. It ends with the block."""
    port = free_port()
    with log.open("w") as output:
        process = _start(
            port,
            output,
            {
                **os.environ,
                "DATABASE_URL": postgres.url(connection.settings_dict["NAME"]),
                "WEB_WORKERS": "1",
                **environment,
            },
        )
    try:
        eventually(lambda: is_alive(port, process, log), timeout=START_SECONDS)
        yield port
    finally:
        # Its worker, too, which outlives a killed parent.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start(port: int, output: IO[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        env=environment,
        cwd=settings.BASE_DIR,
        start_new_session=True,
        stdout=output,
        stderr=output,
    )


def is_alive(port: int, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    """Tell whether the service answers; fail with its log when it has ended."""
    assert process.poll() is None, log.read_text()
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def scan(port: int, qr_text: str, *, patience: float = 5.0) -> httpx.Response:
    """Send a scan, on a connection of its own."""
    return httpx.post(
        f"http://127.0.0.1:{port}/validate-qr",
        json={"qr_text": qr_text},
        headers={"X-Service-Key": settings.SERVICE_API_KEY, "X-Scan-Timeout": str(patience)},
        timeout=10.0,
    )


def begin(port: int, head: str, body: bytes = b"") -> socket.socket:
    """Open a connection and send a request's head, its Host excepted, and the beginning of its body."""
    lines = "\r\n".join([*head.splitlines(), "Host: 127.0.0.1", "", ""])
    return say(port, lines.encode() + body)


def say(port: int, words: bytes) -> socket.socket:
    """Open a connection and send these bytes."""
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(words)
    return client


def answer_to(client: socket.socket) -> Any:
    """Return what came: everything until the server closes the connection, as text."""
    received = b""
    while chunk := client.recv(65536):
        received += chunk
    return received.decode()
