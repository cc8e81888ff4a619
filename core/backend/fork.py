"""
After a fork, the child builds a pool of its own and leaves the parent's sockets alone.

The child inherits open sockets to Postgres. If it used them, or even closed them politely, it would speak in
the parent's sessions. So each inherited descriptor is pointed at a socket that is closed at its other end:
whatever the child still does with such a connection fails at once, and the server never hears of it.
"""

import os
import socket

from django.db import connections

from core.backend.ending import own_pools


def _abandon_in_child() -> None:
    _forget_connections_of_this_thread()
    for pool in list(own_pools):
        pool.abandon(_silence)
    own_pools.clear()


def _silence(descriptor: int) -> None:
    """Make `descriptor` a dead end; the parent's copy of the socket stays as it is."""
    ours, other = socket.socketpair()
    other.close()
    os.dup2(ours.fileno(), descriptor)
    ours.close()


def _forget_connections_of_this_thread() -> None:
    for wrapper in connections.all(initialized_only=True):
        if wrapper.connection is None or not wrapper.settings_dict["OPTIONS"].get("pool"):
            continue
        wrapper.connection = None
        if wrapper.in_atomic_block:
            # As Django does when a connection is lost inside atomic(): the block cannot commit.
            wrapper.closed_in_transaction = True
            wrapper.needs_rollback = True


os.register_at_fork(after_in_child=_abandon_in_child)
