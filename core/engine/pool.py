"""
What `get_engine().pool` is: SQLAlchemy's face of the shared pool. It keeps no connection of its own.

SQLAlchemy's own checkout serves every pool and every driver: it registers a finalizer, asks for listeners at
each step, and rolls back on return, which the shared pool does anyway. `Checkout` has no more machinery than
this pool needs. The rest is left to SQLAlchemy's: a joined or detached connection, one that was
invalidated, and callbacks that wait for the return.
"""

from collections import deque
from typing import Any, Self, cast

from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection, _ConnectionFairy

from core.engine.connection import BorrowedConnection
from core.engine.creator import shared_pool, this_threads_wrapper
from core.engine.joined import JoinedConnection


class EnginePool(Pool):
    """A SQLAlchemy pool that borrows at each checkout, and answers truthfully how full the shared pool is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._spare: deque[Any] = deque()
        self._on_connect, *others = _collections(self, "connect", "checkout", "checkin", "reset", "close")
        event.listen(self, "detach", _retire)
        self._listeners = (
            self._on_connect.parent_listeners,
            *(each.listeners for each in others),
            *(each.parent_listeners for each in others),
        )

    def connect(self) -> PoolProxiedConnection:
        """Borrow a connection; as SQLAlchemy's own, by a shorter way where nobody listens."""
        if not self._spare or self._has_listeners() or self._should_log_debug():
            return super().connect()
        try:
            record = self._spare.pop()
        except IndexError:  # another thread was faster
            return super().connect()
        try:
            connection = self._invoke_creator(record)
        except Exception:
            self._spare.append(record)
            raise
        # Interrupted from here on, the connection is dropped: it is closed, and its place is free.
        record.dbapi_connection = connection
        return Checkout(self, connection, record)

    def _do_get(self) -> ConnectionPoolEntry:
        # With SQLAlchemy's `connect` event, as NullPool: each checkout is a new one for who listens to it.
        return self._create_connection()

    def _do_return_conn(self, record: Any) -> None:
        if record.dbapi_connection is not None:
            if _is_to_be_replaced(record):
                record.dbapi_connection.retire()
            record.close()
        self.keep(record)

    def keep(self, record: Any) -> None:
        """
        Keep SQLAlchemy's record of a checkout that has ended for one to come.

        Making one costs more than all the rest.
        """
        record.dbapi_connection = record.fairy_ref = None
        # The notes of whoever kept some there, and whether it was invalidated.
        if record.__dict__:
            record.__dict__.clear()
        self._spare.append(record)

    def _has_listeners(self) -> bool:
        """Tell whether somebody listens to this pool's events, or to every pool's."""
        # At each checkout: to ask the events themselves whether they are empty takes four times as long.
        # One listener to `connect` is the engine's own, which runs once in its life.
        return any(self._listeners) or len(self._on_connect.listeners) > 1

    def size(self) -> int:
        """POOL_SIZE."""
        return shared_pool().stats().pool_size

    def checkedin(self) -> int:
        """Connections that are open and idle."""
        return shared_pool().stats().checked_in

    def checkedout(self) -> int:
        """Connections that are lent, to either library."""
        return shared_pool().stats().checked_out

    def overflow(self) -> int:
        """Connections above POOL_SIZE; never negative, unlike QueuePool's."""
        return shared_pool().stats().overflow

    def timeout(self) -> float:
        """POOL_TIMEOUT, in seconds."""
        return shared_pool().timeout

    def status(self) -> str:
        """Return the numbers as text."""
        stats = shared_pool().stats()
        return f"Pool size: {stats.pool_size}  {stats.as_text()}, overflow {stats.overflow}"

    def dispose(self) -> None:
        """Close what is idle, and what is lent when it comes back. The pool itself stays."""
        if (pool := this_threads_wrapper().pool) is not None:
            pool.drain()

    def recreate(self) -> Self:
        """Return this pool: there is one for the life of the process, and each forked child has its own."""
        return self

    def renew_locks(self) -> None:
        """Let nobody in a forked child wait for a thread of its parent's that made the first connection."""
        for listeners in _collections(self, "connect", "first_connect"):
            listeners._exec_once_mutex = None  # noqa: SLF001 - docs/adr/0008

    def __reduce__(self) -> Any:
        raise TypeError("a pool cannot leave its process: call core.db.get_engine() there")


# The slots themselves: of an object that is not whole, SQLAlchemy's __getattr__ would look for ever.
_slots: Any = vars(_ConnectionFairy)
_dbapi_connection, _record = _slots["dbapi_connection"].__get__, _slots["_connection_record"].__get__


def _is_to_be_replaced(record: Any) -> bool:
    """Tell whether somebody asked, by `invalidate(soft=True)`, for another connection next time."""
    return bool(record._soft_invalidate_time)  # noqa: SLF001 - docs/adr/0008


def _retire(connection: Any, _record: Any) -> None:
    # What was detached is closed when it is closed, as SQLAlchemy's users expect.
    connection.retire()


def _collections(pool: Pool, *names: str) -> list[Any]:
    """
    Return where SQLAlchemy keeps the listeners to the events of `pool`, the same objects for its life.

    By itself it would make them when the first listener comes.
    """
    events: Any = pool.dispatch
    return [getattr(events, name).for_modify(events) for name in names]


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

    def __init__(self, pool: EnginePool, connection: Any, record: Any) -> None:
        # Not SQLAlchemy's: a weakref.finalize costs as much as half the loan, a __del__ nothing.
        self._pool = pool
        self._counter = 1
        self._echo = False
        self.dbapi_connection = connection
        self._connection_record = record
        record.fairy_ref = _still_in_use

    def __del__(self) -> None:
        # Dropped without close(), and neither detached nor invalidated; or not even whole.
        try:
            connection, record = _dbapi_connection(self), _record(self)
        except AttributeError:
            return
        if connection is not None and record is not None:
            self._checkin()

    def _checkin(self, transaction_was_reset: bool = False) -> None:
        pool = cast("EnginePool", self._pool)
        record: Any = self._connection_record
        connection: Any = self.dbapi_connection
        kind = type(connection)
        is_ordinary = (kind is BorrowedConnection or kind is JoinedConnection) and record is not None
        if not is_ordinary or record.finalize_callback:
            super()._checkin(transaction_was_reset)
            return
        try:
            self.dbapi_connection = self._connection_record = None  # type: ignore[assignment]
            if _is_to_be_replaced(record):
                connection.retire()
            # It rolls back what is open, or discards the connection.
            connection.close()
        except BaseException:
            # Interrupted: nobody else would return it.
            connection.drop()
            raise
        finally:
            pool.keep(record)
