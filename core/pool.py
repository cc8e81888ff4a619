"""
The shared pool: one bounded line of borrowers in front of one bounded set of connections.

It is psycopg's ConnectionPool with another inside: connections open when somebody waits for one, never
beyond the bound; a return happens in the borrower's thread and never waits for a connect; what cannot be
handed out again is replaced, not lost. `_lock` guards every count; no network call is made while it is held.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import uniform
from time import monotonic
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from core.connection import PooledConnection
from core.loans import Loan, Waiter
from core.pool_tasks import CloseOverflow, Connect, Retry
from core.slots import Slots
from core.stats import PoolStats

logger = logging.getLogger(__name__)

# After a failed connect: how soon to try again, doubling. The cap bounds how late a returning server is
# noticed.
FIRST_RETRY_SECONDS = 0.05
SLOWEST_RETRY_SECONDS = 0.5


class PoolFull(PoolTimeout):
    """
    No connection came free in time.

    If you are hitting this, something holds connections too long (`manage.py doctor` does the arithmetic),
    or the pool is too small for the threads that use it.
    """


class PoolLineFull(TooManyRequests):
    """
    POOL_MAX_WAITING borrowers wait already, so this one was turned away at once.
    """


class ServerUnreachable(PoolTimeout):
    """
    No connection could be opened in time; the server did not answer or refused.
    """


class SharedPool(ConnectionPool[PooledConnection]):
    """
    A ConnectionPool that two libraries can share.

    It takes psycopg_pool's options, with its meanings, and one more.

    Args:
        lazy: open a connection when a borrower needs it, instead of `min_size` at once.
    """

    def __init__(self, *, lazy: bool = False, **options: Any) -> None:
        self.lazy = lazy
        self._lent: dict[PooledConnection, Loan] = {}
        self._connecting = 0
        self._retry_at = 0.0
        self._retry_delay = 0.0
        self._retry_is_scheduled = False
        self._sweep_is_scheduled = False
        self._connect_error: Exception | None = None
        # Before psycopg's part, which may open connections at once.
        self._slots = Slots(options.get("max_size") or options.get("min_size", 4))
        super().__init__(connection_class=PooledConnection, close_returns=True, **options)

    def share(self, slots: Slots) -> None:
        """Count against `slots` from now on. Call it before the pool opens its first connection."""
        slots.limit = self._max_size
        self._slots = slots

    # Borrowing -----------------------------------------------------------------------------------------

    def getconn(self, timeout: float | None = None) -> PooledConnection:
        """Lend a connection to Django: its backend calls the pool by psycopg's names."""
        return self.lend(borrower="django", timeout=timeout)

    def lend(self, *, borrower: str, timeout: float | None = None) -> PooledConnection:
        """
        Lend a connection that is fit for use, first come first served.

        Raises:
            PoolFull: every connection was in use for `timeout` seconds (default: the pool's).
            PoolLineFull: `max_waiting` borrowers wait already.
            ServerUnreachable: no connection could be opened in `timeout` seconds.
            PoolClosed: the pool was closed.
        """
        deadline = monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            connection = self._take(borrower, deadline)
            if self._is_fit(connection):
                return connection
            self._discard(connection)

    def _take(self, borrower: str, deadline: float) -> PooledConnection:
        # Critical section: an idle connection, or a place in the line.
        with self._lock:
            self._check_open_getconn()
            self._stats[self._REQUESTS_NUM] += 1
            if self._pool:
                # The one used last: its caches are warm, and the others may age out.
                connection = self._pool.pop()
                self._lent[connection] = Loan(borrower)
                connection._pool = self  # noqa: SLF001 - psycopg's name for the owner
                return connection
            self._refuse_if_line_is_full()
            waiter = Waiter(borrower)
            self._waiting.append(waiter)
            self._stats[self._REQUESTS_QUEUED] += 1
            self._grow()
        # End of the critical section.
        return self._wait(waiter, deadline)

    def _refuse_if_line_is_full(self) -> None:
        if self.max_waiting and len(self._waiting) >= self.max_waiting:
            raise PoolLineFull(
                f"POOL_MAX_WAITING={self.max_waiting} borrowers wait already: {self._snapshot().in_words()}"
            )

    def _wait(self, waiter: Waiter, deadline: float) -> PooledConnection:
        try:
            return waiter.wait(max(0.0, deadline - monotonic()))
        except PoolTimeout:
            raise self._leave_line(waiter) from None
        except BaseException:
            self._leave_line(waiter)
            # Ctrl-C between being served and waking up: do not keep what nobody will use.
            if waiter.conn:
                self.putconn(waiter.conn)
            raise

    def _leave_line(self, waiter: Waiter) -> PoolTimeout:
        """Take `waiter` out of the line and return the error that says why it was not served."""
        with self._lock:
            stats = self._snapshot()
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            error = self._connect_error
        milliseconds = (monotonic() - waiter.started_at) * 1000
        state = f"no connection after {milliseconds:.0f} ms: {stats.in_words()}"
        if stats.checked_out < stats.max and (error or stats.connecting):
            return ServerUnreachable(f"{state}; the server has not answered: {error or 'still connecting'}")
        return PoolFull(f"{state} (see POOL_SIZE, POOL_MAX_OVERFLOW and POOL_TIMEOUT)")

    def _is_fit(self, connection: PooledConnection) -> bool:
        if connection.closed or self._is_expired(connection):
            return False
        return self._check is None or self._passes_check(connection)

    def _passes_check(self, connection: PooledConnection) -> bool:
        try:
            self._check_connection(connection)
        except psycopg.Error:
            self._stats[self._CONNECTIONS_LOST] += 1
            return False
        return True

    def _is_expired(self, connection: PooledConnection) -> bool:
        born_at, expires_at = connection._created_at, connection._expire_at  # noqa: SLF001 - set by the pool
        return expires_at <= monotonic() or born_at <= self._drained_at

    # Returning -----------------------------------------------------------------------------------------

    def putconn(self, conn: PooledConnection) -> None:
        """
        Take a connection back, clean; replace it when it cannot be cleaned.

        Raises:
            ValueError: it does not come from this pool, or was returned before.
        """
        self._check_pool_putconn(conn)
        if conn.closed or not conn.scrub():
            self._stats[self._RETURNS_BAD] += 1
            self._discard(conn)
        elif self._is_expired(conn):
            self._discard(conn)
        else:
            self._give_back(conn)

    def _give_back(self, connection: PooledConnection) -> None:
        # Critical section: to the next in line, or to the idle ones.
        with self._lock:
            if self._lent.pop(connection, None) is None:
                raise ValueError(f"the connection was returned before: {connection}")
            is_open = not self._closed
            if is_open:
                self._hand_on(connection)
        # End of the critical section.
        if not is_open:
            self._close_connection(connection)

    def _hand_on(self, connection: PooledConnection) -> None:
        """Serve the first borrower in line with `connection`, or keep it idle. Needs the lock."""
        while self._waiting:
            waiter: Any = self._waiting.popleft()
            connection._pool = self  # noqa: SLF001
            self._lent[connection] = waiter.loan()
            if waiter.set(connection):
                return
            del self._lent[connection]
        connection._pool = None  # noqa: SLF001
        connection.idle_since = monotonic()
        self._pool.append(connection)
        if self._pool_full_event and len(self._pool) >= self._min_size:
            self._pool_full_event.set()
        self._schedule_sweep()

    def _discard(self, connection: PooledConnection) -> None:
        """Close a lent connection, then free its place: never the other way round (B1)."""
        connection._pool = None  # noqa: SLF001
        connection.finish()
        with self._lock:
            if self._lent.pop(connection, None) is None:
                return
        self._slots.free()
        with self._lock:
            self._grow()

    def _close_connection(self, conn: PooledConnection) -> None:
        conn._pool = None  # noqa: SLF001
        conn.finish()
        self._slots.free()

    def transfer(self, connection: PooledConnection, *, borrower: str) -> bool:
        """
        Pass a lent, idle connection on to another borrower of the same thread, without the line.

        Returns:
            False when the connection is not fit; it was discarded.
        """
        if connection.closed or not connection.scrub() or self._is_expired(connection):
            self._discard(connection)
            return False
        with self._lock:
            self._lent[connection] = Loan(borrower)
        return True

    # Growing and shrinking -----------------------------------------------------------------------------

    def _open_count(self) -> int:
        return len(self._pool) + len(self._lent) + self._connecting

    def _grow(self) -> None:
        """Start as many connects as the line needs and the bound allows. Needs the lock."""
        if self._closed:
            return
        missing = 0 if self.lazy else self._min_size - self._open_count()
        # A connect may hang: no more of them at a time than there are workers.
        wanted = min(max(len(self._waiting) - self._connecting, missing), self.num_workers - self._connecting)
        if wanted > 0 and monotonic() < self._retry_at:
            self._schedule_retry()
            return
        for _ in range(wanted):
            if self._open_count() >= self._max_size or not self._slots.take(or_call=self.wake):
                return
            self._connecting += 1
            self.run_task(Connect(self))

    def wake(self) -> None:
        """Look again whether the line can be served; any thread may call it."""
        with self._lock:
            self._retry_is_scheduled = False
            self._grow()

    def connect_one(self) -> None:
        """Open the connection that `_grow` decided on and hand it to the line. Runs in a worker."""
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
                self._hand_on(connection)
                self._grow()
        if not is_open:
            self._close_connection(connection)

    def _note_failure(self, error: Exception) -> None:
        self._slots.free()
        with self._lock:
            self._connecting -= 1
            self._connect_error = error
            self._retry_delay = min(max(self._retry_delay * 2, FIRST_RETRY_SECONDS), SLOWEST_RETRY_SECONDS)
            # Jitter: the processes of a fleet should not come back in step.
            self._retry_at = monotonic() + self._retry_delay * uniform(0.8, 1.0)  # noqa: S311
            self._grow()
        logger.warning("pool %s cannot connect: %s", self.name, error)

    def _connect(self, timeout: float | None = None) -> PooledConnection:  # noqa: ARG002 - psycopg's
        connection = self.connection_class.connect(self._resolve_conninfo(), **self._resolve_kwargs())
        try:
            connection._pool = self  # noqa: SLF001 - no warning when it is dropped by the garbage collector
            if self._configure:
                self._configure(connection)
            connection._pool = None  # noqa: SLF001
            connection.remember()
        except BaseException:
            connection._pool = None  # noqa: SLF001
            connection.finish()
            raise
        self._stats[self._CONNECTIONS_NUM] += 1
        self._set_connection_expiry_date(connection)
        return connection

    def _schedule_retry(self) -> None:
        if not self._retry_is_scheduled:
            self._retry_is_scheduled = True
            self.schedule_task(Retry(self), max(0.0, self._retry_at - monotonic()))

    def _schedule_sweep(self) -> None:
        if not self._sweep_is_scheduled and self._open_count() > self._min_size:
            self._sweep_is_scheduled = True
            self.schedule_task(CloseOverflow(self), self.max_idle)

    def close_overflow(self) -> None:
        """Close what is above `min_size` and was idle for `max_idle` seconds. Runs in a worker."""
        surplus: list[PooledConnection] = []
        # Critical section: take them out, as lent, so that they count until they are closed.
        with self._lock:
            self._sweep_is_scheduled = False
            too_old = monotonic() - self.max_idle
            while self._pool and self._pool[0].idle_since <= too_old and self._is_above(len(surplus)):
                connection = self._pool.popleft()
                self._lent[connection] = Loan("pool")
                surplus.append(connection)
            if self._pool and self._is_above(len(surplus)):
                self._sweep_is_scheduled = True
                self.schedule_task(CloseOverflow(self), max(0.01, self._pool[0].idle_since - too_old))
        # End of the critical section.
        for connection in surplus:
            self._discard(connection)

    def _is_above(self, closing: int) -> bool:
        return self._open_count() - closing > self._min_size

    # The rest of psycopg's interface -------------------------------------------------------------------

    def _start_initial_tasks(self) -> None:
        self._grow()

    def wait(self, timeout: float = 30.0) -> None:
        """Wait until `min_size` connections are open; a lazy pool has nothing to wait for."""
        if not self.lazy:
            super().wait(timeout)

    def drain(self) -> None:
        """Close what is idle now, and what is out when it comes back."""
        with self._lock:
            self._drained_at = monotonic()
        self._discard_idle()

    def check(self) -> None:
        """Ask every idle connection for a sign of life and replace the dead ones."""
        for connection in self._take_idle():
            try:
                self.check_connection(connection)
            except psycopg.Error:
                self._discard(connection)
            else:
                self._give_back(connection)

    def resize(self, min_size: int, max_size: int | None = None) -> None:
        """Change the sizes; what is above the new bound closes when it comes back idle."""
        min_size, max_size = self._check_size(min_size, max_size)
        with self._lock:
            self._min_size, self._max_size = min_size, max_size
            self._slots.limit = max_size
            self._grow()
            self._schedule_sweep()

    def _discard_idle(self) -> None:
        for connection in self._take_idle():
            self._discard(connection)

    def _take_idle(self) -> list[PooledConnection]:
        with self._lock:
            idle = list(self._pool)
            self._pool.clear()
            self._lent.update((connection, Loan("pool")) for connection in idle)
        return idle

    def abandon(self, silence: Callable[[int], None]) -> None:
        """
        Let go of everything in a forked child, where this pool's threads do not exist.

        Args:
            silence: makes a file descriptor harmless without a word to the server.
        """
        for connection in (*self._pool, *self._lent):
            if not connection.closed:
                silence(connection.fileno())
        self._closed = True
        self._pool.clear()
        self._workers, self._sched_runner = [], None
        # Fresh locks: the parent's may be held by a thread that the child does not have.
        self._lock = type(self._lock)()
        self._slots = Slots(self._max_size)

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

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[PooledConnection]:
        """Lend a connection for a `with` block, commit or roll back at its end."""
        connection = self.getconn(timeout)
        try:
            with connection:
                yield connection
        finally:
            if connection._pool is self:  # noqa: SLF001
                self.putconn(connection)
