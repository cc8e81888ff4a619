"""
Cuts the wire of every connection of the shared pool, as an outage does.
"""

import os
import socket
from typing import Any, Self

import psycopg

from core.engine import creator
from core.pool.connection import PooledConnection


class CuttableConnection(PooledConnection):
    """One that cannot be opened while the server is away."""

    server_is_away = False

    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> Self:
        """Connect, unless the server is away."""
        if CuttableConnection.server_is_away:
            raise psycopg.OperationalError("the test has stopped the server")
        return super().connect(*arguments, **options)


class CutWires:
    """What a test of SQLAlchemy's calls `test_shutdown` and `test_restart`."""

    def cut(self, stop: bool = False) -> None:  # noqa: FBT002 - the tests' own signature
        """Cut what is open; with `stop`, the server stays away."""
        CuttableConnection.server_is_away = stop
        pool = creator.shared_pool()
        for connection in [*pool.idle(), *(each for each, _ in pool.loans())]:
            with socket.socket(fileno=os.dup(connection.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let the server be there again."""
        CuttableConnection.server_is_away = False
