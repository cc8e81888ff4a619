"""
Clients that read too slowly: sockets of which one thread takes a little now and then.
"""

import http.client
import json
import socket
import threading
from time import monotonic, sleep
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
BYTES_A_TURN = 4096
TURN_SECONDS = 1.0
START_SECONDS = 60.0


class SlowReaders:
    """`count` clients in the middle of the download at `path`, for the length of the block."""

    def __init__(self, port: int, path: str, cookie: str, *, count: int) -> None:
        self._port, self._path, self._cookie, self._count = port, path, cookie, count
        self._sockets: list[socket.socket] = []
        self._ended = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._sockets = [self._begin() for _ in range(self._count)]
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        for each in self._sockets:
            each.close()

    def checked_out(self) -> int:
        """Return how many connections the worker that answers has lent; each request asks one of them."""
        return int(health(self._port)["checked_out"])

    def are_all_reading(self) -> bool:
        """Tell whether no download has come to an end."""
        return self._ended == 0

    def _begin(self) -> socket.socket:
        client = socket.create_connection((HOST, self._port), timeout=30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BYTES_A_TURN)
        head = f"GET {self._path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: sessionid={self._cookie}\r\n\r\n"
        client.sendall(head.encode())
        beginning = client.recv(1024)
        assert beginning.startswith(b"HTTP/1.1 200 "), beginning
        client.setblocking(False)
        return client

    def _read(self) -> None:
        while not self._is_over.wait(TURN_SECONDS):
            self._ended += sum(_has_ended(each) for each in self._sockets)


def _has_ended(client: socket.socket) -> bool:
    try:
        return not client.recv(BYTES_A_TURN)
    except BlockingIOError:
        return False


def wait_for(port: int) -> None:
    """Return once the service on `port` answers."""
    deadline = monotonic() + START_SECONDS
    while True:
        try:
            health(port)
        except OSError:
            if monotonic() > deadline:
                raise
            sleep(0.1)
        else:
            return


def health(port: int) -> dict[str, int]:
    """Return what `/health/db` says."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", "/health/db")
        answer: dict[str, int] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()
