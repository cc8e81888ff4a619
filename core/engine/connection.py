"""
SQLAlchemy's view of a pooled connection: its own cursors and adapters, and a close() that gives it back.

Django registers loaders and a client-side-binding cursor on the connection. SQLAlchemy never sees them: each
of its cursors carries the adapters of SQLAlchemy's dialect, as on a connection of its own.
"""

from functools import partial
from typing import Any
from weakref import ref

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.rows import tuple_row

from core.pool.connection import IDLE, PooledConnection


class _OwnAdapters:
    """Give a cursor adapters of its own."""

    def adapt(self, adapters: AdaptersMap) -> None:
        own = AdaptersMap(adapters)
        # As psycopg does: a loader registered on the cursor reaches a result that was already fetched.
        changed = partial(self._loaders_changed, ref(self))  # type: ignore[attr-defined]
        own._register_loader_callback = changed  # noqa: SLF001 - psycopg is pinned
        self._adapters = own


class PlainCursor(_OwnAdapters, psycopg.Cursor[Any]):
    """A cursor that binds on the server, as SQLAlchemy's own."""


class StreamingCursor(_OwnAdapters, psycopg.ServerCursor[Any]):
    """A server-side cursor, as SQLAlchemy's own."""


class BorrowedConnection:
    """
    What the engine's creator returns: a DBAPI connection over a pooled one.

    Everything that is not defined here is the pooled connection's.
    """

    __slots__ = ("__weakref__", "_adapters", "_connection")

    def __init__(self, connection: PooledConnection, adapters: AdaptersMap) -> None:
        _set_adapters(self, adapters)
        _set_connection(self, connection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._connection, name, value)

    @property
    def pooled(self) -> PooledConnection:
        """The pooled connection itself, for COPY and whatever else psycopg can do."""
        connection: PooledConnection = self._connection
        return connection

    def cursor(
        self, name: str = "", *, binary: bool = False, row_factory: Any = None, **server_side: Any
    ) -> Any:
        """Make a cursor with SQLAlchemy's adapters; arguments as `psycopg.Connection.cursor`."""
        connection = self._connection
        if connection.closed:
            raise psycopg.OperationalError("the connection is closed")
        make_row = row_factory or tuple_row
        cursor: PlainCursor | StreamingCursor
        if name:
            cursor = StreamingCursor(connection, name=name, row_factory=make_row, **server_side)
        else:
            cursor = PlainCursor(connection, row_factory=make_row)
        cursor.adapt(self._adapters)
        if binary:
            cursor.format = psycopg.pq.Format.BINARY
        return cursor

    def commit(self) -> None:
        """Commit; without an open transaction there is nothing to say to the server."""
        if self._connection.closed or self._connection.pgconn.transaction_status != IDLE:
            self._connection.commit()

    def rollback(self) -> None:
        """Roll back; without an open transaction there is nothing to say to the server."""
        if self._connection.closed or self._connection.pgconn.transaction_status != IDLE:
            self._connection.rollback()

    def close(self) -> None:
        """Give the connection back to its pool. A second call does nothing."""
        connection = self._connection
        if connection is not RETURNED:
            _set_connection(self, RETURNED)
            # As `core.engine.creator` found it: scrub() then sees at a glance that nothing changed.
            connection.switch_autocommit(on=True)
            connection.give_back()

    def retire(self) -> None:
        """Let the connection be closed when it comes back: somebody said that it is of no use any more."""
        if self._connection is not RETURNED:
            self._connection.retire()


# The slots' own setters, past __setattr__: one of these objects is made for each checkout, and this takes
# half the time of object.__setattr__.
_set_adapters = BorrowedConnection._adapters.__set__  # type: ignore[attr-defined]  # noqa: SLF001
_set_connection = BorrowedConnection._connection.__set__  # type: ignore[attr-defined]  # noqa: SLF001


class _Returned:
    """Stands where the connection was: whoever holds on to it must not reach the next borrower's work."""

    closed = True
    broken = False

    def __getattr__(self, name: str) -> Any:
        raise psycopg.InterfaceError(f"{name}: the connection was given back to the pool")


RETURNED: Any = _Returned()
