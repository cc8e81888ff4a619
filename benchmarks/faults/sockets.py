"""
How many connections this process holds, whatever its pools believe: its open sockets, counted all the time.
"""

import os
import stat
import threading
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


class SocketCount:
    """Samples the number of sockets above what was open when it was made."""

    interval_seconds = 0.005

    def __init__(self) -> None:
        self._others = open_sockets()
        self.peak = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="socket-count")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self._thread.join()

    def now(self) -> int:
        """Return how many connections are open at this moment."""
        return open_sockets() - self._others

    def _run(self) -> None:
        while not self._stopped.wait(self.interval_seconds):
            self.peak = max(self.peak, self.now())
