"""
SQLAlchemy's view of a pooled connection: its own cursors and adapters, and a close() that gives it back.

Django registers loaders and a client-side-binding cursor on the connection. SQLAlchemy never sees them: each
of its cursors carries the adapters of SQLAlchemy's dialect, as on a connection of its own.
"""

from functools import partial
from typing import Any, Self
from weakref import ref

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.rows import tuple_row

from core.backend.base import DatabaseWrapper
from core.pool.connection import IDLE, RETURNED, PooledConnection


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

    Everything that is not defined here is the pooled connection's. To `isinstance()` it is a psycopg
    connection, so that types can be registered on it as on one of SQLAlchemy's own: they reach SQLAlchemy's
    cursors only.
    """

    __slots__ = ("__weakref__", "_adapters", "_connection", "_has_own_adapters", "_lender")

    def __init__(
        self, connection: PooledConnection, adapters: AdaptersMap, lender: DatabaseWrapper | None = None
    ) -> None:
        _set_adapters(self, adapters)
        _set_connection(self, connection)
        _set_lender(self, lender)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._connection, name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """What `isinstance()` sees, and with it `psycopg.types.TypeInfo.fetch()`."""
        return psycopg.Connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        """Commit, or roll back after an error, and close, as psycopg's connection does."""
        if self._connection is not RETURNED:
            (self.rollback if error_type else self.commit)()
            self.close()

    # Statements ----------------------------------------------------------------------------------------

    @property
    def connection(self) -> Self:
        """Itself, for psycopg's interface of what has adapters."""
        return self

    @property
    def adapters(self) -> AdaptersMap:
        """The adapters of this connection's cursors to come: whatever is registered here ends with it."""
        # The slot is empty until somebody asks: to fill it costs time at each checkout.
        if not getattr(self, "_has_own_adapters", False):
            _set_adapters(self, AdaptersMap(self._adapters))
            _set_has_own_adapters(self, True)  # noqa: FBT003 - a slot's setter
        own: AdaptersMap = self._adapters
        return own

    def cursor(
        self, name: str = "", *, binary: bool = False, row_factory: Any = None, **server_side: Any
    ) -> Any:
        """Make a cursor with SQLAlchemy's adapters; arguments as `psycopg.Connection.cursor`."""
        if self._connection is RETURNED:
            # The caller's mistake, and not the server's doing.
            raise psycopg.InterfaceError("cursor: the connection was given back to the pool")
        if self._connection.closed:
            raise psycopg.OperationalError("the connection is closed")
        cursor = self._make_cursor(name, row_factory=row_factory or tuple_row, **server_side)
        cursor.adapt(self._adapters)
        if binary:
            cursor.format = psycopg.pq.Format.BINARY
        return cursor

    def _make_cursor(self, name: str, **options: Any) -> Any:
        if name:
            return self._connection.keep(StreamingCursor(self._connection, name=name, **options))
        return self._connection.keep(PlainCursor(self._connection, **options))

    def execute(
        self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool = False
    ) -> Any:
        """Run a statement on a cursor of its own, and return the cursor."""
        return self.cursor(binary=binary).execute(query, params, prepare=prepare)

    # The end -------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Commit; without an open transaction there is nothing to say to the server."""
        if self._connection.closed or self._connection.pgconn.transaction_status != IDLE:
            self._connection.commit()

    def rollback(self) -> None:
        """Roll back; without an open transaction there is nothing to say to the server."""
        if self._connection.closed or self._connection.pgconn.transaction_status != IDLE:
            self._connection.rollback()

    def close(self) -> None:
        """
        Give the connection back: to Django, where it was handed over, else to its pool.

        A second call does nothing.
        """
        connection = self._connection
        if connection is RETURNED:
            return
        try:
            _set_connection(self, RETURNED)
            # As `core.engine.creator` found it: scrub() then sees at a glance that nothing changed.
            connection.switch_autocommit(on=True)
            if (loan := connection.loan) is None:
                connection.disconnect()
            elif self._lender is None or not self._lender.take_back(connection):
                loan.lender.putconn(connection)
        except BaseException:
            # Interrupted: nobody else would return it.
            connection.disconnect()
            raise

    def drop(self) -> None:
        """Close the connection below, unless it was given back: whoever had this one has let go of it."""
        connection = self._connection
        if connection is not RETURNED:
            connection.disconnect()
            _set_connection(self, RETURNED)

    def retire(self) -> None:
        """Let the connection be closed when it comes back: somebody said that it is of no use any more."""
        if self._connection is not RETURNED:
            self._connection.retire()


# The slots' own setters, past __setattr__: one of these objects is made for each checkout, and this takes
# half the time of object.__setattr__.
_set_adapters = BorrowedConnection._adapters.__set__  # type: ignore[attr-defined]  # noqa: SLF001
_set_connection = BorrowedConnection._connection.__set__  # type: ignore[attr-defined]  # noqa: SLF001
_set_has_own_adapters = BorrowedConnection._has_own_adapters.__set__  # type: ignore[attr-defined]  # noqa: SLF001
_set_lender = BorrowedConnection._lender.__set__  # type: ignore[attr-defined]  # noqa: SLF001
