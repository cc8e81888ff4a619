"""
One checkout of SQLAlchemy's from the shared pool, with no more machinery than that needs.

SQLAlchemy's own checkout serves every pool and every driver: it registers a finalizer, asks for listeners at
each step, and rolls back on return, which the shared pool does anyway. What is out of the ordinary is left to
it: a joined or detached connection, one that was invalidated, and callbacks that wait for the return.
"""

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.pool import _ConnectionFairy

from core.engine.connection import BorrowedConnection

if TYPE_CHECKING:
    from core.engine.pool import EnginePool


class _NoFinalizer:
    """Stands where SQLAlchemy's weakref.finalize was; see `Checkout.__del__`."""

    def detach(self) -> None:
        """Do nothing: a checkout that has ended finds nothing to do when it is collected."""


def _still_in_use() -> bool:
    """Stand where SQLAlchemy's weak reference was, which tells a record in use from a spare one."""
    return True


class Checkout(_ConnectionFairy):
    """SQLAlchemy's proxy of a connection that is checked out, and that nobody listens to."""

    __slots__ = ()

    _finalizer = _NoFinalizer()  # type: ignore[assignment]

    def __init__(self, pool: "EnginePool", connection: Any, record: Any) -> None:
        # Not SQLAlchemy's: a weakref.finalize costs as much as half the loan, a __del__ nothing.
        self._pool = pool
        self._counter = 1
        self._echo = False
        self.dbapi_connection = connection
        self._connection_record = record
        record.fairy_ref = _still_in_use

    def __del__(self) -> None:
        # Dropped without close(), and neither detached nor invalidated.
        connection: Any = self.dbapi_connection
        if connection is not None and self._connection_record is not None:
            self._checkin()

    def _checkin(self, transaction_was_reset: bool = False) -> None:  # noqa: FBT001, FBT002 - SQLAlchemy's
        pool = cast("EnginePool", self._pool)
        record: Any = self._connection_record
        connection: Any = self.dbapi_connection
        is_ordinary = type(connection) is BorrowedConnection and record is not None
        if not is_ordinary or record.finalize_callback:
            super()._checkin(transaction_was_reset)
            return
        self.dbapi_connection = self._connection_record = None  # type: ignore[assignment]
        try:
            if record._soft_invalidate_time:  # noqa: SLF001 - SQLAlchemy is pinned
                connection.retire()
            # It rolls back what is open, or discards the connection.
            connection.close()
        finally:
            pool.keep(record)
