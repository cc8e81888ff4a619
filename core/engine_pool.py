"""
What `get_engine().pool` is: SQLAlchemy's face of the shared pool. It keeps no connection of its own.
"""

from typing import Any, Self

from sqlalchemy.pool import ConnectionPoolEntry, Pool

from core.lending import shared_pool


class EnginePool(Pool):
    """A SQLAlchemy pool that borrows at each checkout, and answers truthfully how full the shared pool is."""

    def _do_get(self) -> ConnectionPoolEntry:
        return self._create_connection()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        record.close()

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
