"""
The bound of one process: how many sockets it may have open to one database, however many pools come and go.

A pool that is closed while connections are out leaves them open until they come back. Its successor shares
the slots, so old and new together stay within the bound.
"""

import threading
from collections.abc import Callable


class Slots:
    """
    A counter of open sockets with an upper limit. One slot is taken before a connect, freed after a close.

    It is used inside the pools' critical sections, and never calls a pool while it holds its own lock.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken = 0
        # Reentrant: the garbage collector may return a dropped connection in the middle of it.
        self._lock = threading.RLock()
        self._starved: set[Callable[[], None]] = set()

    @property
    def taken(self) -> int:
        """Sockets that are open or being opened."""
        return self._taken

    def take(self, *, or_call: Callable[[], None]) -> bool:
        """Take a slot if one is free; otherwise call `or_call`, once, when the next one is freed."""
        with self._lock:
            if self._taken < self.limit:
                self._taken += 1
                return True
            self._starved.add(or_call)
            return False

    def free(self) -> None:
        """Give a slot back and wake the pools that found none."""
        with self._lock:
            self._taken -= 1
            starved, self._starved = self._starved, set()
        for wake in starved:
            wake()
