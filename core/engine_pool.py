"""
What `get_engine().pool` is: SQLAlchemy's face of the shared pool. It keeps no connection of its own.
"""

from collections import deque
from time import time
from typing import Any, Self

from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection

from core.checkout import Checkout
from core.lending import shared_pool


class EnginePool(Pool):
    """A SQLAlchemy pool that borrows at each checkout, and answers truthfully how full the shared pool is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._spare: deque[Any] = deque()

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
        except BaseException:
            self._spare.append(record)
            raise
        record.starttime = time()
        record.dbapi_connection = connection
        return Checkout(self, connection, record)

    def _do_get(self) -> ConnectionPoolEntry:
        # With SQLAlchemy's `connect` event, as NullPool: each checkout is a new one for who listens to it.
        return self._create_connection()

    def _do_return_conn(self, record: Any) -> None:
        if self.dispatch.close:
            record.close()
        elif record.dbapi_connection is not None:
            record.dbapi_connection.close()
        self.keep(record)

    def keep(self, record: Any) -> None:
        """
        Keep SQLAlchemy's record of a checkout that has ended for one to come.

        Making one costs more than all the rest.
        """
        record.dbapi_connection = record.fairy_ref = None
        # Made at first use, by whoever keeps notes there.
        record.__dict__.pop("info", None)
        self._spare.append(record)

    def _has_listeners(self) -> bool:
        """Tell whether somebody listens to this pool's events, or to every pool's."""
        # Looked into, at each checkout: to ask the events themselves whether they are empty takes twice as
        # long.
        events = self.dispatch
        out, back, reset, close = events.checkout, events.checkin, events.reset, events.close
        connect = events.connect
        return bool(
            out.listeners or out.parent_listeners
            or back.listeners or back.parent_listeners
            or reset.listeners or reset.parent_listeners
            or close.listeners or close.parent_listeners
            # One is the engine's own, which runs once in its life.
            or len(connect.listeners) > 1 or connect.parent_listeners
        )  # fmt: skip

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
        """Return the numbers in words."""
        stats = shared_pool().stats()
        return f"Pool size: {stats.pool_size}  {stats.in_words()}, overflow {stats.overflow}"

    def dispose(self) -> None:
        """Close what is idle, and what is out when it comes back. The pool itself stays."""
        shared_pool().drain()

    def recreate(self) -> Self:
        """Return this pool: there is one for the life of the process."""
        return self

    def __reduce__(self) -> Any:
        raise TypeError("a pool cannot leave its process: call core.db.get_engine() there")
