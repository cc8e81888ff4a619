"""
SQLAlchemy's psycopg dialect, for connections that it shares with Django.

It registers nothing on a connection: SQLAlchemy's own dialect adds a notice handler at each connect event,
which is each checkout here, and they would pile up on a connection that is lent again. `core.engine.notices`
does what that is for.
"""

import sys
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.util import memoized_property

from core.engine.joined import JoinedConnection

if TYPE_CHECKING:
    from types import FrameType

NAME = "postgresql+turnstile"
# Frames between SQLAlchemy's `RootTransaction._do_close()` and here.
LONGEST_WAY = 6


class SharedDialect(PGDialect_psycopg):
    """The psycopg dialect over `core.engine.connection` connections."""

    driver = "turnstile"
    supports_statement_cache = True

    # Cached: every checkout asks. functools' has a lock in Python 3.11, which a forked child may find locked.
    @memoized_property
    def adapters(self) -> Any:
        """The adapters that SQLAlchemy would give to a connection of its own."""
        return self._psycopg_adapters_map

    def on_connect(self) -> None:
        """Register no listener: the pool sets a connection up, and scrubs it."""

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Give back a connection that was invalidated, not to be lent again."""
        dbapi_connection.retire()
        dbapi_connection.close()

    def get_driver_connection(self, connection: Any) -> Any:
        """
        Return what legacy code gets as `driver_connection`: the connection that SQLAlchemy uses, too.

        The bare one below it would let go past a savepoint, and past the return to the pool.
        """
        return connection

    # Transactions of joined connections ------------------------------------------------------------------

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Roll back; of a joined connection, tell one that was asked for from one that is its end."""
        joined = _joined(dbapi_connection)
        if joined is None:
            super().do_rollback(dbapi_connection)  # type: ignore[no-untyped-call]
        else:
            joined.end(is_asked=not _is_closing())

    def do_savepoint(self, connection: Any, name: str) -> None:
        """Begin a nested transaction."""
        if joined := _joined(connection.connection):
            joined.savepoint(name)
        else:
            super().do_savepoint(connection, name)  # type: ignore[no-untyped-call]

    def do_rollback_to_savepoint(self, connection: Any, name: str) -> None:
        """Roll back a nested transaction."""
        if joined := _joined(connection.connection):
            joined.rollback_to(name)
        else:
            super().do_rollback_to_savepoint(connection, name)  # type: ignore[no-untyped-call]

    def do_release_savepoint(self, connection: Any, name: str) -> None:
        """Commit a nested transaction."""
        if joined := _joined(connection.connection):
            joined.release(name)
        else:
            super().do_release_savepoint(connection, name)  # type: ignore[no-untyped-call]


def _joined(proxied: Any) -> JoinedConnection | None:
    """Return the joined connection behind SQLAlchemy's proxy; None for any other."""
    connection = proxied.dbapi_connection
    return connection if type(connection) is JoinedConnection else None


def _is_closing() -> bool:
    """Tell whether SQLAlchemy rolls back because a transaction ends, not because somebody asked for it."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - docs/adr/0008
    for _ in range(LONGEST_WAY):
        if frame is None or frame.f_code.co_name == "_do_rollback":
            return False
        if frame.f_code.co_name == "_do_close":
            return True
        frame = frame.f_back
    return False


registry.register(NAME.replace("+", "."), __name__, SharedDialect.__name__)
