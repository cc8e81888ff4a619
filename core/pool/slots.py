"""
The bound of one process: how many sockets it may have open to one database, however many pools come and go.

A pool that is closed while connections are checked out leaves them open until they come back. Its successor
shares the slots, so old and new together stay within the bound.
"""

import threading
from collections.abc import Callable
from typing import Protocol
from weakref import ReferenceType, ref

from core.pool.guard import guarded


class Holder(Protocol):
    """What takes a slot: a connection, or the task that opens one."""

    @property
    def has_socket(self) -> bool:
        """Whether it has a socket to the server, or may have one any moment."""


class Slots:
    """
    The sockets of a process, with an upper limit.

    Nothing is counted up or down. A slot is taken as long as its holder exists and has a socket: one that was
    closed, broke, or was dropped in the middle of a call has freed its slot, whoever forgot to say so.

    It is used inside the pools' critical sections, and never calls a pool while it holds its own lock.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._holders: list[ReferenceType[Holder]] = []
        # Reentrant: the garbage collector may close a dropped connection in the middle of it.
        self._lock = threading.RLock()
        self._starved: set[Callable[[], None]] = set()

    @property
    def taken(self) -> int:
        """Sockets that are open or being opened."""
        return sum(_is_taken(each) for each in self._holders)

    @guarded
    def take(self, holder: Holder, *, or_call: Callable[[], None]) -> bool:
        """Let `holder` open a socket if a slot is free; otherwise call `or_call`, once, when one is freed."""
        taken = [each for each in self._holders if _is_taken(each)]
        if len(taken) >= self.limit:
            self._starved.add(or_call)
            return False
        self._holders = [*taken, ref(holder)]
        return True

    @guarded
    def pass_on(self, holder: Holder, to: Holder) -> None:
        """Let `to` have the slot of `holder`, which has no socket from now on."""
        self._holders = [ref(to) if each() is holder else each for each in self._holders]

    def note_freed(self) -> None:
        """Wake the pools that found no slot: one is free now."""
        for wake in self._take_starved():
            wake()

    @guarded
    def _take_starved(self) -> set[Callable[[], None]]:
        starved, self._starved = self._starved, set()
        return starved


def _is_taken(reference: ReferenceType[Holder]) -> bool:
    holder = reference()
    return holder is not None and holder.has_socket
