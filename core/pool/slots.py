"""
The bound of one process: how many sockets it may have open to one database, however many pools come and go.

A pool that is closed while connections are checked out leaves them open until they come back. Its successor
shares the slots, so old and new together stay within the bound.
"""

import threading
from collections.abc import Callable
from typing import Any, Protocol
from weakref import ref

from psycopg import pq

from core.pool.guard import guarded


class Holder(Protocol):
    """What takes a slot: a connection, or the task that opens one."""

    @property
    def has_socket(self) -> bool:
        """Whether it has a socket to the server, or may have one any moment."""


class _Taken:
    """
    A slot and who has it.

    Of a connection it keeps the socket's owner, psycopg's PGconn. The garbage collector lets weak references
    to a connection go before its socket is closed: until then the slot is taken.
    """

    __slots__ = ("_holder", "_pgconn")

    def __init__(self, holder: Holder) -> None:
        self._holder = ref(holder)
        self._pgconn: Any = getattr(holder, "pgconn", None)

    def is_by(self, holder: Holder) -> bool:
        return self._holder() is holder

    def has_socket(self) -> bool:
        if self._pgconn is not None:
            return bool(self._pgconn.status != pq.ConnStatus.BAD)
        holder = self._holder()
        return holder is not None and holder.has_socket

    def close_if_dropped(self) -> None:
        """Close the socket of a connection that is gone: its own finalizer may have been interrupted."""
        if self._pgconn is not None and self._holder() is None:
            self._pgconn.finish()


class Slots:
    """
    The sockets of a process, with an upper limit.

    Nothing is counted up or down. A slot is taken as long as its holder exists and has a socket: one that was
    closed, broke, or was dropped in the middle of a call has freed its slot, whoever forgot to say so.

    It is used inside the pools' critical sections, and never calls a pool while it holds its own lock.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._holders: list[_Taken] = []
        # Reentrant: the garbage collector may close a dropped connection in the middle of it.
        self._lock = threading.RLock()
        self._starved: set[Callable[[], None]] = set()

    @property
    def taken(self) -> int:
        """Sockets that are open or being opened."""
        return sum(each.has_socket() for each in self._holders)

    @guarded
    def take(self, holder: Holder, *, or_call: Callable[[], None]) -> bool:
        """Let `holder` open a socket if a slot is free; otherwise call `or_call`, once, when one is freed."""
        for each in self._holders:
            each.close_if_dropped()
        taken = [each for each in self._holders if each.has_socket()]
        if len(taken) >= self.limit:
            self._starved.add(or_call)
            return False
        self._holders = [*taken, _Taken(holder)]
        return True

    @guarded
    def pass_on(self, holder: Holder, to: Holder) -> None:
        """Let `to` have the slot of `holder`, which has no socket from now on."""
        self._holders = [_Taken(to) if each.is_by(holder) else each for each in self._holders]

    def note_freed(self) -> None:
        """Wake the pools that found no slot: one is free now."""
        for wake in self._take_starved():
            wake()

    @guarded
    def _take_starved(self) -> set[Callable[[], None]]:
        starved, self._starved = self._starved, set()
        return starved
