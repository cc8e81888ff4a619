"""
What becomes of this process's pools in a child that it forks: each begins again, without any connection.

The child inherits open sockets to Postgres: if it used them, or even closed them politely, it would speak in
the parent's sessions. So each inherited descriptor is pointed at a socket that is closed at its other end:
whatever the child still does with such a connection fails at once, and the server never hears of it.
"""

import os
import socket
from typing import Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """What a child begins again with: a pool."""

    def abandon(self) -> None:
        """Let go of what is the parent's."""


_inherited: WeakSet[Inherited] = WeakSet()


def note(pool: Inherited) -> None:
    """Let `pool` begin again in every child from now on."""
    _inherited.add(pool)


def silence(descriptor: int) -> None:
    """Make `descriptor` a dead end; the parent's copy of the socket stays as it is."""
    ours, other = socket.socketpair()
    other.close()
    os.dup2(ours.fileno(), descriptor)
    ours.close()


def _abandon_all() -> None:
    for pool in list(_inherited):
        pool.abandon()


os.register_at_fork(after_in_child=_abandon_all)
