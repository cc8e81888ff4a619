"""
The part of the shared pool that opens, closes and counts connections; `core.pool.pool` lends them.

A connection opens when somebody waits for one, in a background thread, and never beyond the bound. While the
server is away it tries again for as long as somebody waits. What is above the pool's size closes when nobody
used it for a while.
"""

import logging
from abc import abstractmethod
from random import uniform
from time import monotonic
from typing import Any

from psycopg_pool import ConnectionPool

from core.pool import leaks
from core.pool.connection import PooledConnection
from core.pool.loans import Loan
from core.pool.slots import Slots
from core.pool.stats import PoolStats
from core.pool.tasks import CloseOverflow, Connect, Retry

logger = logging.getLogger(__name__)

# After a failed connect: how soon to try again, doubling. The cap bounds how late a returning server is
# noticed.
FIRST_RETRY_SECONDS = 0.05
SLOWEST_RETRY_SECONDS = 0.25


class GrowingPool(ConnectionPool[PooledConnection]):
    """
    A ConnectionPool that opens what is needed.

    `_lock` guards every count; no network call is made while it is held.
    """

    def __init__(self, *, lazy: bool, **options: Any) -> None:
        self.lazy = lazy
        self._lent: dict[PooledConnection, Loan] = {}
        self._connecting = 0
        self._connect_error: Exception | None = None
        self._retry_at = self._retry_delay = 0.0
        self._retry_is_scheduled = self._sweep_is_scheduled = False
        # Before psycopg's part, which may open connections at once.
        self._slots = Slots(options.get("max_size") or options.get("min_size", 4))
        super().__init__(connection_class=PooledConnection, close_returns=True, **options)

    @abstractmethod
    def _end_loan(self, connection: PooledConnection) -> Loan | None:
        """Take a connection off what is lent; return None when it is not there. Needs the lock."""

    @abstractmethod
    def _hand_on(self, connection: PooledConnection, now: float) -> None:
        """
        Give a connection to the first borrower in line, or keep it idle from `now` on. Needs the lock.
        """

    def share(self, slots: Slots) -> None:
        """Count against `slots` from now on. Call it before the pool opens its first connection."""
        slots.limit = self._max_size
        self._slots = slots

    def _open_count(self) -> int:
        return len(self._pool) + len(self._lent) + self._connecting

    def _is_full(self) -> bool:
        return self._connecting == 0 and self._open_count() >= self._max_size

    # Opening -------------------------------------------------------------------------------------------

    def _start_initial_tasks(self) -> None:
        self._grow()

    def _grow(self) -> None:
        """Start as many connects as the line needs and the bound allows. Needs the lock."""
        wanted = 0 if self._closed else self._missing()
        if wanted > 0 and monotonic() < self._retry_at:
            self._schedule_retry()
            return
        for _ in range(wanted):
            if self._open_count() >= self._max_size or not self._slots.take(or_call=self.wake):
                return
            self._connecting += 1
            self.run_task(Connect(self))

    def _missing(self) -> int:
        """Return how many connects to start; negative means none."""
        for_the_line = len(self._waiting) - self._connecting
        for_the_size = 0 if self.lazy else self._min_size - self._open_count()
        # A connect may hang: no more of them at a time than there are threads to sit it out.
        return min(max(for_the_line, for_the_size), self.num_workers - self._connecting)

    def wake(self) -> None:
        """Look again whether the line can be served; any thread may call it."""
        with self._lock:
            self._retry_is_scheduled = False
            self._grow()

    def connect_one(self) -> None:
        """Open the connection that `_grow` decided on and hand it to the line. Runs in a worker."""
        if self._closed:
            self._forgo_connect()
            return
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001 - whatever failed, the place in the bound must be freed
            self._note_failure(error)
            return
        with self._lock:
            self._connecting -= 1
            self._retry_at = self._retry_delay = 0.0
            self._connect_error = None
            is_open = not self._closed
            if is_open:
                self._hand_on(connection, monotonic())
                self._grow()
        if not is_open:
            self._close_connection(connection)

    def _forgo_connect(self) -> None:
        # The slots are its successor's too.
        with self._lock:
            self._connecting -= 1
        self._slots.free()

    def _connect(self, timeout: float | None = None) -> PooledConnection:  # noqa: ARG002 - psycopg's
        started = monotonic()
        connection = self.connection_class.connect(self._resolve_conninfo(), **self._resolve_kwargs())
        try:
            if self._configure:
                self._configure(connection)
            connection.remember()
        except BaseException:
            connection.finish()
            raise
        self._stats[self._CONNECTIONS_NUM] += 1
        self._stats[self._CONNECTIONS_MS] += int((monotonic() - started) * 1000)
        self._set_connection_expiry_date(connection)
        return connection

    def _note_failure(self, error: Exception) -> None:
        self._slots.free()
        with self._lock:
            self._connecting -= 1
            self._connect_error = error
            self._stats[self._CONNECTIONS_ERRORS] += 1
            self._retry_delay = min(max(self._retry_delay * 2, FIRST_RETRY_SECONDS), SLOWEST_RETRY_SECONDS)
            # Jitter: the processes of a fleet should not come back in step.
            self._retry_at = monotonic() + self._retry_delay * uniform(0.8, 1.0)  # noqa: S311
            self._grow()
        logger.warning("pool %s cannot connect: %s", self.name, error)

    def _schedule_retry(self) -> None:
        if not self._retry_is_scheduled:
            self._retry_is_scheduled = True
            self.schedule_task(Retry(self), max(0.0, self._retry_at - monotonic()))

    # Closing -------------------------------------------------------------------------------------------

    def _discard(self, connection: PooledConnection) -> None:
        """Close a lent connection, then free its place: never the other way round (B1)."""
        connection._pool = None  # noqa: SLF001
        connection.finish()
        with self._lock:
            loan = self._end_loan(connection)
        if loan is None:
            return
        leaks.maybe_note_return(loan)
        self._slots.free()
        with self._lock:
            self._grow()

    def _close_connection(self, conn: PooledConnection) -> None:
        conn._pool = None  # noqa: SLF001
        conn.finish()
        self._slots.free()

    def _take_idle(self) -> list[PooledConnection]:
        """Take every idle connection out; they count as lent until they are closed or given back."""
        with self._lock:
            idle = list(self._pool)
            self._pool.clear()
            self._lent.update((connection, Loan("pool")) for connection in idle)
        return idle

    def _schedule_sweep(self) -> None:
        if not self._sweep_is_scheduled and self._open_count() > self._min_size:
            self._sweep_is_scheduled = True
            self.schedule_task(CloseOverflow(self), self.max_idle)

    def close_overflow(self) -> None:
        """Close what is above `min_size` and was idle for `max_idle` seconds. Runs in a worker."""
        with self._lock:
            self._sweep_is_scheduled = False
            surplus = self._take_surplus()
            if self._pool and self._open_count() - len(surplus) > self._min_size:
                self._sweep_is_scheduled = True
                due_in = self._pool[0].idle_since + self.max_idle - monotonic()
                self.schedule_task(CloseOverflow(self), max(0.01, due_in))
        for connection in surplus:
            self._discard(connection)

    def _take_surplus(self) -> list[PooledConnection]:
        """Take out what is idle too long and above the size, the longest idle first. Needs the lock."""
        surplus: list[PooledConnection] = []
        idle_before = monotonic() - self.max_idle
        while self._pool and self._pool[0].idle_since <= idle_before:
            if self._open_count() - len(surplus) <= self._min_size:
                break
            surplus.append(self._pool.popleft())
            self._lent[surplus[-1]] = Loan("pool")
        return surplus

    # Numbers -------------------------------------------------------------------------------------------

    def stats(self) -> PoolStats:
        """Return one consistent snapshot."""
        with self._lock:
            return self._snapshot()

    def _snapshot(self) -> PoolStats:
        return PoolStats(
            pool_size=self._min_size,
            max=self._max_size,
            checked_in=len(self._pool),
            checked_out=len(self._lent),
            connecting=self._connecting,
            waiting=len(self._waiting),
        )

    def _get_measures(self) -> dict[str, int]:
        return {**super()._get_measures(), self._POOL_SIZE: self._open_count()}
