"""
The line of borrowers in front of the pool: who waits, in which order they are served, and who is turned away.

First come first served, but a thread that holds a connection goes before those that hold none: it will give
back two. `core.pool.growth` opens what the line needs; `core.pool.pool` lends and takes back.
"""

from abc import abstractmethod
from itertools import takewhile
from threading import Thread, current_thread
from time import monotonic
from typing import Any, cast

from psycopg_pool import PoolTimeout, TooManyRequests

from core.pool import leaks
from core.pool.connection import PooledConnection
from core.pool.deadlock import find_deadlock
from core.pool.growth import GrowingPool
from core.pool.loans import Loan, Waiter
from core.pool.reserve import Reserve
from core.pool.tasks import EndReserve, TakeBack


class PoolFull(PoolTimeout):
    """
    No connection came free in time.

    If you are hitting this, something holds connections too long (`manage.py pool` shows what), or the pool
    is too small for the threads that use it (`manage.py doctor` does the arithmetic).
    """


class PoolLineFull(TooManyRequests):
    """
    POOL_MAX_WAITING borrowers wait already, so this one was turned away at once.
    """


class ServerUnreachable(PoolTimeout):
    """
    No connection could be opened in time; the server did not answer or refused.
    """


class PoolWithLine(GrowingPool):
    """A GrowingPool whose borrowers wait in line when nothing is idle."""

    def __init__(self, *, reserve_seconds: float, **options: Any) -> None:
        self._reserve_seconds = reserve_seconds
        self._reserve: Reserve | None = None
        super().__init__(**options)

    @abstractmethod
    def _record(self, connection: PooledConnection, loan: Loan) -> None:
        """Note who has the connection. Needs the lock."""

    # Waiting -------------------------------------------------------------------------------------------

    def _enqueue(self, loan: Loan) -> Waiter:
        """Put the current thread in line; connects start as needed. Needs the lock."""
        waiter = Waiter(loan, holds_one=self._is_holder(loan.thread))
        self._refuse_if_line_is_full()
        if self._is_full():
            self._look_for_a_way_out(waiter)
        holders_before = sum(1 for _ in takewhile(lambda w: cast("Waiter", w).holds_one, self._waiting))
        position = holders_before if waiter.holds_one else len(self._waiting)
        self._waiting.insert(position, waiter)
        self._stats[self._REQUESTS_QUEUED] += 1
        # The garbage collector may have returned a dropped connection since somebody looked.
        self._serve_idle()
        self._grow()
        return waiter

    def _refuse_if_line_is_full(self) -> None:
        if self.max_waiting and len(self._waiting) >= self.max_waiting:
            raise PoolLineFull(
                f"POOL_MAX_WAITING={self.max_waiting} borrowers wait already: {self._snapshot().in_words()}"
            )

    def _look_for_a_way_out(self, waiter: Waiter) -> None:
        if leaks.has_orphan(self._lent.items()):
            self.run_task(TakeBack(self))
        elif waiter.holds_one:
            self._refuse_deadlock()

    def _refuse_deadlock(self) -> None:
        waiting = (cast("Waiter", waiter).thread for waiter in self._waiting)
        if deadlock := find_deadlock(self._lent.values(), waiting):
            self._keep_reserve()
            raise deadlock

    def _wait(self, waiter: Waiter, deadline: float) -> PooledConnection:
        try:
            return waiter.wait(max(0.0, deadline - monotonic()))
        except PoolTimeout:
            # Served after its time was over and before it woke up: the loan is noted, so it is the caller's.
            if waiter.conn:
                return waiter.conn
            raise self._leave_line(waiter) from None
        except BaseException:
            self._leave_line(waiter)
            # Ctrl-C between being served and waking up: do not keep what nobody will use.
            if waiter.conn:
                self.putconn(waiter.conn)
            raise
        finally:
            self._stats[self._REQUESTS_WAIT_MS] += int((monotonic() - waiter.started_at) * 1000)

    def _leave_line(self, waiter: Waiter) -> PoolTimeout:
        """Take `waiter` out of the line and return the error that says why it was not served."""
        with self._lock:
            stats = self._snapshot()
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            self._stats[self._REQUESTS_ERRORS] += 1
            error = self._connect_error
        milliseconds = (monotonic() - waiter.started_at) * 1000
        state = f"no connection after {milliseconds:.0f} ms: {stats.in_words()}"
        if stats.checked_out < stats.max and (error or stats.connecting):
            return ServerUnreachable(f"{state}; the server has not answered: {error or 'still connecting'}")
        return PoolFull(f"{state} (see POOL_SIZE, POOL_MAX_OVERFLOW and POOL_TIMEOUT)")

    # Being served --------------------------------------------------------------------------------------

    def _serve(self, connection: PooledConnection) -> bool:
        """Lend a connection to the first in line who may have it and still wants it. Needs the lock."""
        while self._waiting and self._admits(holds_one=cast("Waiter", self._waiting[0]).holds_one):
            waiter = cast("Waiter", self._waiting.popleft())
            connection._pool = self  # noqa: SLF001
            self._record(connection, waiter.loan())
            if waiter.set(connection):
                return True
            del self._lent[connection]
            connection._pool = None  # noqa: SLF001
        return False

    def _serve_idle(self) -> None:
        """Lend what is idle to those in line who may have it. Needs the lock."""
        while self._waiting and self._pool:
            connection = self._pool.pop()
            if not self._serve(connection):
                self._pool.append(connection)
                return

    # The last place, after a deadlock ------------------------------------------------------------------

    def _keep_reserve(self) -> None:
        if self._reserve is None:
            self.schedule_task(EndReserve(self), self._reserve_seconds)
        self._reserve = Reserve(self._reserve_seconds)

    def _may_take_idle(self) -> bool:
        """Tell whether the current thread may have an idle connection beside a reserve. Needs the lock."""
        holds_one = self._is_holder(current_thread())
        return (holds_one or not self._waiting) and self._admits(holds_one=holds_one)

    def _is_holder(self, thread: Thread) -> bool:
        return any(loan.thread is thread for loan in self._lent.values())

    def _admits(self, *, holds_one: bool) -> bool:
        reserve = self._reserve
        return reserve is None or reserve.admits(
            holds_one=holds_one, lent=len(self._lent), bound=self._max_size
        )

    def end_reserve(self) -> None:
        """End the reserve, unless it was used meanwhile, and serve who waited for it. Runs in a worker."""
        with self._lock:
            if self._reserve is None:
                return
            if self._waiting and cast("Waiter", self._waiting[0]).holds_one:
                self._reserve.renew()
            if (seconds := self._reserve.seconds_left()) > 0:
                self.schedule_task(EndReserve(self), seconds)
                return
            self._reserve = None
            self._serve_idle()
