"""
The shared pool: one bounded line of borrowers in front of one bounded set of connections.

It is psycopg's ConnectionPool with another inside. A borrower gets a connection that is fit for use, without
a round trip to find out; a return happens in the borrower's thread and never waits for a connect; what cannot
be handed out again is closed and its place freed. `core.pool.wait_queue` is where borrowers wait,
`core.pool.growth` opens and closes the connections.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, current_thread
from time import monotonic
from typing import Any

import psycopg
from psycopg_pool import PoolClosed

from core.pool import leaks, liveness
from core.pool.connection import PooledConnection
from core.pool.loans import Loan
from core.pool.reserve import RESERVE_SECONDS
from core.pool.slots import Slots
from core.pool.stacks import note as note_stack
from core.pool.tasks import Watch
from core.pool.wait_queue import PoolWithLine

logger = logging.getLogger(__name__)

# How long a connection may take to answer before it counts as dead.
PING_SECONDS = 1.0
SHORTEST_WATCH_SECONDS = 0.1
LONGEST_WATCH_SECONDS = 5.0


class SharedPool(PoolWithLine):
    """
    A ConnectionPool that two libraries can share.

    It takes psycopg_pool's options, with its meanings, and these.

    Args:
        lazy: open a connection when a borrower needs it, instead of `min_size` at once.
        ping_after: seconds of idleness after which a connection is asked for a sign of life when it is taken.
        leak_seconds: how long a connection may stay out before the borrower's stack is logged.
        reserve_seconds: how long after a deadlock, and after each use, the last place is kept for those who
            hold a connection already.
    """

    def __init__(
        self,
        *,
        lazy: bool = False,
        ping_after: float = 1.0,
        leak_seconds: float = 60.0,
        reserve_seconds: float = RESERVE_SECONDS,
        **options: Any,
    ) -> None:
        self.ping_after = ping_after
        self.leak_seconds = leak_seconds
        self._watch_is_scheduled = False
        self._is_finishing = False
        super().__init__(lazy=lazy, reserve_seconds=reserve_seconds, **options)
        self._came_back = Condition(self._lock)

    # Borrowing -----------------------------------------------------------------------------------------

    def getconn(self, timeout: float | None = None) -> PooledConnection:
        """Lend a connection to Django: its backend calls the pool by psycopg's names."""
        return self.lend(borrower="django", timeout=timeout)

    def lend(
        self, *, borrower: str, timeout: float | None = None, callers_frames: int = 0
    ) -> PooledConnection:
        """
        Lend a connection that is fit for use, first come first served.

        A thread that holds one already goes before those that hold none: it will give back two.

        Args:
            borrower: "django", "sqlalchemy" or "health".
            timeout: seconds; None for the pool's.
            callers_frames: how many frames between here and the borrower say nothing about it, and are left
                out of the stack that is noted.

        Raises:
            PoolFull: every connection was in use for `timeout` seconds.
            PoolLineFull: `max_waiting` borrowers wait already.
            PoolDeadlock: every connection is held by a thread that waits for another one.
            ServerUnreachable: no connection could be opened in `timeout` seconds.
            PoolClosed: the pool was closed.
        """
        # Before the lock is taken: to note the stack is the dearest part of a loan, and nobody waits for it.
        loan = Loan(borrower, current_thread(), note_stack(skip=1 + callers_frames))
        while True:
            connection = self._take(loan, timeout)
            try:
                # As of when the loan began: one that came later, to a borrower in line, is fresh.
                if self._is_fit(connection, loan.since):
                    return connection
            except BaseException:
                # Ctrl-C while the server is asked for a sign of life: nobody else would return it.
                self._discard(connection)
                raise
            self._discard(connection)

    def _take(self, loan: Loan, timeout: float | None) -> PooledConnection:
        # Critical section: an idle connection, or a place in the line.
        with self._lock:
            if self._closed or self._is_finishing:
                self._refuse_to_lend()
            self._stats[self._REQUESTS_NUM] += 1
            if self._pool and (self._reserve is None or self._may_take_idle()):
                # The one used last: its caches are warm, and the others may age out.
                connection = self._pool.pop()
                connection._pool = self  # noqa: SLF001 - psycopg's name for the owner
                self._record(connection, loan)
                return connection
            waiter = self._enqueue(loan)
        # End of the critical section.
        return self._wait(waiter, loan.since + (self.timeout if timeout is None else timeout))

    def _refuse_to_lend(self) -> None:
        self._check_open_getconn()
        raise PoolClosed(f"the pool {self.name!r} is closing: this process is about to end")

    def _record(self, connection: PooledConnection, loan: Loan) -> None:
        """Note who has the connection. Needs the lock."""
        self._lent[connection] = loan
        if not self._watch_is_scheduled:
            self._watch_is_scheduled = True
            self.schedule_task(Watch(self), self._watch_interval())

    # What may be lent ----------------------------------------------------------------------------------

    def _is_fit(self, connection: PooledConnection, now: float) -> bool:
        # The hot path, without a call that it can do without: not expired, a silent socket, a recent use.
        if connection._expire_at <= now or connection._created_at <= self._drained_at:  # noqa: SLF001
            return False
        is_fresh = now - connection.idle_since < self.ping_after
        if (connection.poll(0) or not is_fresh) and not self._is_alive(connection, is_fresh=is_fresh):
            return False
        return self._check is None or self._passes_check(connection)

    def _is_expired(self, connection: PooledConnection, now: float) -> bool:
        born_at, expires_at = connection._created_at, connection._expire_at  # noqa: SLF001 - set by the pool
        return expires_at <= now or born_at <= self._drained_at

    def _is_alive(self, connection: PooledConnection, *, is_fresh: bool) -> bool:
        """Tell whether the server is still there; if not, the older connections are dropped too."""
        is_alive = not connection.poll(0) or liveness.survives(connection, timeout=PING_SECONDS)
        if is_alive and not is_fresh:
            is_alive = liveness.answers(connection, timeout=PING_SECONDS)
        if not is_alive:
            self._stats[self._CONNECTIONS_LOST] += 1
            self._note_server_gone(connection)
        return is_alive

    def _passes_check(self, connection: PooledConnection) -> bool:
        try:
            self._check_connection(connection)
        except psycopg.Error:
            self._stats[self._CONNECTIONS_LOST] += 1
            return False
        return True

    def _note_server_gone(self, connection: PooledConnection) -> None:
        """
        Drop every connection that is as old as this one: if the server went away, they are all dead.

        One proof is enough: the next borrower waits for one connect, not for one failure per connection.
        """
        with self._lock:
            if connection._created_at <= self._drained_at:  # noqa: SLF001
                return  # somebody was first
            self._drained_at = monotonic()
        logger.warning("pool %s: the server closed a connection; the older ones are replaced", self.name)
        self._discard_idle()

    # Returning -----------------------------------------------------------------------------------------

    def putconn(self, conn: PooledConnection) -> None:
        """
        Take a connection back, clean; replace it when it cannot be cleaned.

        Raises:
            ValueError: it does not come from this pool, or was returned before.
        """
        if conn._pool is not self:  # noqa: SLF001
            self._check_pool_putconn(conn)
        if conn.met_read_only and conn.is_on_standby():
            self._note_server_gone(conn)
        if not conn.scrub():
            if conn.broken:
                self._note_server_gone(conn)
            self._stats[self._RETURNS_BAD] += 1
            self._discard(conn)
        elif self._is_expired(conn, now := monotonic()):
            self._discard(conn)
        else:
            self._give_back(conn, now)

    def _give_back(self, connection: PooledConnection, now: float) -> None:
        # Critical section: to the next in line, or to the idle ones.
        with self._lock:
            loan = self._end_loan(connection)
            if loan is None:
                raise ValueError(f"the connection was returned before: {connection}")
            is_open = not self._closed
            if is_open:
                self._hand_on(connection, now)
        # End of the critical section.
        leaks.maybe_note_return(loan)
        if not is_open:
            self._close_connection(connection)

    def _end_loan(self, connection: PooledConnection) -> Loan | None:
        loan = self._lent.pop(connection, None)
        if self._is_finishing:
            self._came_back.notify_all()
        return loan

    def _hand_on(self, connection: PooledConnection, now: float) -> None:
        connection.idle_since = now
        if self._waiting and self._serve(connection):
            return
        connection._pool = None  # noqa: SLF001
        self._pool.append(connection)
        if self._pool_full_event and len(self._pool) >= self._min_size:
            self._pool_full_event.set()
        self._schedule_sweep()

    def transfer(self, connection: PooledConnection, *, borrower: str) -> bool:
        """
        Pass a lent, idle connection on to another borrower of the same thread, without the line.

        Returns:
            False when the connection is not fit; it was discarded.
        """
        is_fit = connection.scrub() and not self._is_expired(connection, monotonic())
        # Not a ping: its borrower used it, and only now lets go of it.
        if not is_fit or not self._is_alive(connection, is_fresh=True):
            self._discard(connection)
            return False
        with self._lock:
            before, self._lent[connection] = self._lent[connection], Loan(borrower)
        leaks.maybe_note_return(before)
        return True

    # Watching ------------------------------------------------------------------------------------------

    def loans(self) -> list[tuple[PooledConnection, Loan]]:
        """Return what is lent, to whom."""
        with self._lock:
            return list(self._lent.items())

    def idle(self) -> list[PooledConnection]:
        """Return what is idle, the longest idle first."""
        with self._lock:
            return list(self._pool)

    def watch(self) -> None:
        """Report leaks and free what dead threads hold. Runs in a worker, as long as something is lent."""
        try:
            leaks.watch(self)
        finally:
            with self._lock:
                self._watch_is_scheduled = bool(self._lent)
                if self._lent:
                    self.schedule_task(Watch(self), self._watch_interval())

    def take_back(self) -> None:
        """Do once what `watch` does: somebody waits for what a dead thread holds. Runs in a worker."""
        leaks.watch(self)

    def _watch_interval(self) -> float:
        return min(max(self.leak_seconds / 4, SHORTEST_WATCH_SECONDS), LONGEST_WATCH_SECONDS)

    def forget(self, connection: PooledConnection) -> None:
        """Close a connection whose borrower cannot return it any more."""
        self._discard(connection)

    # The rest of psycopg's interface -------------------------------------------------------------------

    def wait(self, timeout: float = 30.0) -> None:
        """Wait until `min_size` connections are open; a lazy pool has nothing to wait for."""
        if not self.lazy:
            super().wait(timeout)

    def drain(self) -> None:
        """Close what is idle now, and what is out when it comes back."""
        with self._lock:
            self._drained_at = monotonic()
        self._discard_idle()

    def _discard_idle(self) -> None:
        for connection in self._take_idle():
            self._discard(connection)

    def check(self) -> None:
        """Ask every idle connection for a sign of life and replace the dead ones."""
        for connection in self._take_idle():
            if liveness.answers(connection, timeout=PING_SECONDS):
                self._give_back(connection, monotonic())
            else:
                self._discard(connection)

    def resize(self, min_size: int, max_size: int | None = None) -> None:
        """Change the sizes; what is above the new bound closes when it comes back idle."""
        min_size, max_size = self._check_size(min_size, max_size)
        with self._lock:
            self._min_size, self._max_size = min_size, max_size
            self._slots.limit = max_size
            self._grow()
            self._schedule_sweep()

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

    # The end -------------------------------------------------------------------------------------------

    def finish(self, timeout: float) -> bool:
        """
        Stop lending, wait up to `timeout` seconds for what is out, then close.

        Returns:
            Whether everything came back in time; what did not is closed when it does.
        """
        deadline = monotonic() + timeout
        with self._came_back:
            self._is_finishing = True
            while self._lent and monotonic() < deadline:
                self._came_back.wait(deadline - monotonic())
            is_empty = not self._lent
        self.close()
        return is_empty

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
        self._came_back = Condition(self._lock)
        self._slots = Slots(self._max_size)
