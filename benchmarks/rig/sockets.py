"""
How many connections this process holds, whatever its pools believe: its open sockets, counted all the time.
"""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

_DESCRIPTORS = "/dev/fd"


def open_sockets() -> int:
    """Return how many of this process's descriptors are sockets."""
    return sum(map(_is_socket, os.listdir(_DESCRIPTORS)))  # noqa: PTH208 - names are all it needs


def _is_socket(descriptor: str) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(int(descriptor)).st_mode)
    except OSError:
        return False  # closed meanwhile, or the listing's own


BUSY_INTERVAL_SECONDS = 0.005
# Nobody borrows, and other cells measure milliseconds beside this one.
RESTING_INTERVAL_SECONDS = 1.0


class SocketCount:
    """Samples the number of sockets above what was open when it was made."""

    def __init__(self) -> None:
        self._interval_seconds = BUSY_INTERVAL_SECONDS
        self._others = open_sockets()
        self.peak = 0
        self._is_over = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="socket-count")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_over = True
        self._woken.set()
        self._thread.join()

    def now(self) -> int:
        """Return how many connections are open at this moment."""
        return open_sockets() - self._others

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Sample rarely while the block runs."""
        self._interval_seconds = RESTING_INTERVAL_SECONDS
        yield
        self._interval_seconds = BUSY_INTERVAL_SECONDS
        self._woken.set()

    def _run(self) -> None:
        while not self._is_over:
            self._woken.wait(self._interval_seconds)
            self._woken.clear()
            self.peak = max(self.peak, self.now())
