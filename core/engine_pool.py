"""
What `get_engine().pool` is: SQLAlchemy's face of the shared pool. It keeps no connection of its own.
"""

from collections import deque
from time import time
from typing import Any, Self, cast

from sqlalchemy.pool import ConnectionPoolEntry, Pool

from core.lending import shared_pool


class EnginePool(Pool):
    """A SQLAlchemy pool that borrows at each checkout, and answers truthfully how full the shared pool is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._spare: deque[Any] = deque()

    def _do_get(self) -> ConnectionPoolEntry:
        # SQLAlchemy's record of a checkout is made once and used again: making one costs more than all the
        # rest. Where somebody listens to `connect`, each checkout is a new one, as with NullPool.
        if self._has_listeners() or not self._spare:
            return self._create_connection()
        try:
            record = self._spare.pop()
        except IndexError:  # another thread was faster
            return self._create_connection()
        record.dbapi_connection = self._invoke_creator(record)
        record.starttime = time()
        return cast("ConnectionPoolEntry", record)

    def _do_return_conn(self, record: Any) -> None:
        if self.dispatch.close:
            record.close()
        elif record.dbapi_connection is not None:
            record.dbapi_connection.close()
            record.dbapi_connection = None
        # Made at first use, by whoever keeps notes there.
        record.__dict__.pop("info", None)
        self._spare.append(record)

    def _has_listeners(self) -> bool:
        # One is the engine's own, which runs once in its life.
        return len(self.dispatch.connect) > 1

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
