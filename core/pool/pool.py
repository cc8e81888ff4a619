"""
The shared pool: one bounded queue of borrowers in front of one bounded set of connections.

It is psycopg's ConnectionPool with another inside. A borrower gets a connection that is fit for use, without
a round trip to find out; a return happens in the borrower's thread and never waits for a connect; what cannot
be lent again is closed and its slot freed.

Its lock guards its parts, which are plain objects: who waits, who has a connection, what is being opened. No
network call is made while it is held. Nothing is counted up and down: a connection is idle because it is
among the idle ones, lent because its borrower has it, and being opened because its task is to come. So an
exception at any line of a borrow or a return (a signal's handler may raise one) leaves no number wrong.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Condition, Thread, current_thread
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout
from psycopg_pool.pool import MaintenanceTask

from core.pool import callbacks, forks, leaks, liveness
from core.pool.classes import BorrowerClass, Classes, settings_of, waits_until
from core.pool.connection import IDLE, PooledConnection
from core.pool.growth import Growth
from core.pool.guard import guarded
from core.pool.loans import Loan
from core.pool.refusal import as_text, unreadable_parameters
from core.pool.slots import Slots
from core.pool.stacks import AGAIN_DEPTH
from core.pool.stacks import note as note_stack
from core.pool.state import PoolState
from core.pool.stats import PoolStats
from core.pool.tasks import Chore, Connect, Task
from core.pool.wait_queue import (
    RESERVE_SECONDS,
    PoolFull,
    PoolLineFull,
    ServerRefused,
    ServerUnreachable,
    Waiter,
    WaitQueue,
)

logger = logging.getLogger(__name__)

# How long a connection may take to answer before it counts as dead.
PING_SECONDS = 1.0
# How often one who waits looks for what nobody announced: a dropped connection, a freed slot.
LOOK_AGAIN_SECONDS = 1.0
# Who takes back so soon what he let go gets it without a look at its socket: as if he had held it.
UNSEEN_SECONDS = 0.001
SHORTEST_WATCH_SECONDS = 0.1
LONGEST_WATCH_SECONDS = 5.0


class SharedPool(ConnectionPool[PooledConnection]):
    """
    A ConnectionPool that two libraries can share.

    It takes psycopg_pool's options, with its meanings, and these.

    Args:
        conninfo: where the server is; text, or a callable that is asked at each connect.
        connection_class: PooledConnection, or a subclass of it.
        close_returns: a borrower's close() gives the connection back, instead of closing it.
        lazy: open a connection when a borrower needs it, instead of `min_size` at once.
        ping_after: seconds of idleness after which a connection is asked for a sign of life when it is taken.
        leak_seconds: how long a connection may be lent before the borrower's stack is logged.
        fail_fast: for commands: when the server refuses for good, whoever waits gets the error at once, and
            does not wait until somebody has changed something.
        reserve_seconds: how long after a deadlock, and after each use, the last place is kept for those who
            hold a connection already.
        classes: classes of borrowers, the first one first: how many connections each and those below it may
            have at once, and how long each waits, in seconds: see `core.pool.classes`.
        default_class: of those who say nothing; the last one unless given.
        keeps_session: False behind a pooler that gives each transaction another session, such as PgBouncer in
            transaction mode: time limits are set by each transaction then, and never for a session.

    Attributes:
        state: what is idle, lent, waited for and being opened; guarded by its lock.
        slots: the bound of the process, which other pools may share.
        exit_thread: runs the process's exit handlers, and gets connections though the pool is closed.
    """

    def __init__(
        self,
        conninfo: str | Callable[[], str] = "",
        *,
        connection_class: type[PooledConnection] = PooledConnection,
        # psycopg's is False.
        close_returns: bool = False,
        open: bool | None = None,  # noqa: A002 - psycopg's name
        lazy: bool = False,
        ping_after: float = 1.0,
        leak_seconds: float = 60.0,
        fail_fast: bool = False,
        reserve_seconds: float = RESERVE_SECONDS,
        classes: Mapping[str, Mapping[str, Any]] | None = None,
        default_class: str | None = None,
        keeps_session: bool = True,
        **options: Any,
    ) -> None:
        _refuse_other_classes(connection_class)
        super().__init__(
            conninfo, connection_class=connection_class, close_returns=close_returns, open=False, **options
        )
        self.ping_after = ping_after
        self.leak_seconds = leak_seconds
        self.fail_fast = fail_fast
        self.keeps_session = keeps_session
        self.classes = Classes(classes, default_class, keeps_session=keeps_session)
        self._make_parts(lazy=lazy, reserve_seconds=reserve_seconds)
        forks.note(self)
        if open is None:
            self._open_implicit = True
        if open is not False:
            self._open()

    def _make_parts(self, *, lazy: bool, reserve_seconds: float) -> None:
        self.state = PoolState(
            idle=self._pool,
            queue=WaitQueue(reserve_seconds=reserve_seconds),
            growth=Growth(lazy=lazy, at_once=self.num_workers, give_up_after=self.reconnect_timeout),
            size=self._min_size,
            bound=self._max_size,
            classes=self.classes,
        )
        # psycopg's close() turns away who waits there.
        self._waiting: Any = self.state.queue
        self.slots = Slots(self._max_size)
        self.is_finishing = self._opens_when_used = False
        self.exit_thread: Thread | None = None
        self._came_back = Condition(self._lock)
        self._orphans = leaks.OrphanSearch()
        self._retry = Chore(SharedPool.look_again)
        self._sweep = Chore(SharedPool.close_overflow)
        self._watch = Chore(SharedPool.watch_loans)
        self._search = Chore(SharedPool.search_orphans)
        self._reserve_end = Chore(SharedPool.end_reserve)

    def share(self, slots: Slots) -> None:
        """Count against `slots` from now on. Call it before the pool opens its first connection."""
        slots.limit = self._max_size
        self.slots = slots

    @property
    def lazy(self) -> bool:
        """Whether it opens a connection only when a borrower needs it."""
        return self.state.growth.lazy

    # Borrowing -----------------------------------------------------------------------------------------

    def getconn(self, timeout: float | None = None) -> PooledConnection:
        """Lend a connection to Django: its backend calls the pool by psycopg's names."""
        # Only to whoever made the pool and left `open` out is there anything to say: psycopg's warning, once.
        if self._open_implicit:
            self._check_open_getconn()
        return self.lend(borrower="django", timeout=timeout, callers_frames=1)

    def lend(
        self, *, borrower: str, timeout: float | None = None, callers_frames: int = 0
    ) -> PooledConnection:
        """
        Lend a connection that is fit for use: by class, and in one class first come first served.

        A thread that holds one already goes before those that hold none: it will give back two. The pool
        keeps no reference to what it lends: one that its borrower drops is closed, and its slot is free.

        Args:
            borrower: "django", "sqlalchemy" or "health".
            timeout: seconds; None for its class's, or the pool's if that is shorter. Not beyond `run_until`.
            callers_frames: how many frames between here and the borrower say nothing about it, and are left
                out of the stack that is noted.

        Raises:
            PoolFull: every connection, or all that its class may have, was in use for `timeout` seconds.
            PoolLineFull: `max_waiting` borrowers of its class and those above wait already.
            PoolDeadlock: every connection is held by a thread that waits for another one.
            ServerUnreachable: no connection could be opened in `timeout` seconds.
            ServerRefused: none can be opened until somebody changes something, such as a password.
            PoolClosed: the pool was closed.
        """
        # Before the lock is taken: to note the stack is the dearest part of a loan, and nobody waits for it.
        stack, borrower_class = note_stack(skip=1 + callers_frames), self.classes.current()
        loan = Loan(borrower, current_thread(), stack, self, borrower_class)
        since = loan.since
        try:
            # On one line, as in core.pool.guard.
            with self._lock: connection = self._take_idle(loan)  # fmt: skip  # noqa: E701
            while True:
                if connection is None:
                    connection = self._wait(loan, self._deadline_of(loan, since, timeout))
                # As of when the borrower came: one that came later, because it waited, is fresh.
                if self._is_fit(connection, since):
                    return connection
                self.discard(connection)
                connection = self._take_another(loan)
        except BaseException:
            # Also Ctrl-C: nobody else would return what was taken for this loan.
            self._call_off(loan)
            raise

    def _deadline_of(self, loan: Loan, since: float, timeout: float | None) -> float:
        if timeout is None:
            of_class = loan.borrower_class.timeout
            timeout = self.timeout if of_class is None else min(of_class, self.timeout)
        return min(since + timeout, waits_until())

    def _take_idle(self, loan: Loan) -> PooledConnection | None:
        """Return an idle connection, now on `loan`; None when the caller must wait. Needs the lock."""
        if self._closed or self.is_finishing:
            self._open_or_refuse()
        self._stats[self._REQUESTS_NUM] += 1
        return self.state.take_idle(loan)

    @guarded
    def _take_another(self, loan: Loan) -> PooledConnection | None:
        """Return another idle connection than the last one, which was not fit; the request is the same."""
        if self._closed or self.is_finishing:
            self._open_or_refuse()
        return self.state.take_idle(loan)

    def _open_or_refuse(self) -> None:
        if self.exit_thread is current_thread():
            return  # `_wait` opens a connection
        if self.exit_thread is not None:
            raise PoolClosed(self._is_ending())
        if self._opens_when_used:
            self._open()
            return
        self._check_open_getconn()
        raise PoolClosed(f"the pool {self.name!r} is closing: this process is about to end")

    def _call_off(self, loan: Loan) -> None:
        """Close what was taken for a loan that will not begin."""
        for connection in self._connections_of(loan):
            self.discard(connection)

    @guarded
    def _connections_of(self, loan: Loan) -> list[PooledConnection]:
        return self.state.loans.of(loan)

    # Waiting -------------------------------------------------------------------------------------------

    def _wait(self, loan: Loan, deadline: float) -> PooledConnection:
        if self.exit_thread is not None:
            return self._open_at_exit(loan, deadline)
        waiter = Waiter(loan)
        try:
            self._enqueue(waiter)
            while not waiter.wait(min(LOOK_AGAIN_SECONDS, deadline - monotonic())):
                if monotonic() >= deadline:
                    self._turn_away(waiter)
                else:
                    self.look_again()
            return waiter.result()
        except Exception:
            self._count(self._REQUESTS_ERRORS)
            raise
        finally:
            self._count(self._REQUESTS_WAIT_MS, int((monotonic() - waiter.started_at) * 1000))

    @guarded
    def _enqueue(self, waiter: Waiter) -> None:
        """Put the current thread in the queue; connects start as needed."""
        state = self.state
        waiter.holds_one = state.loans.is_holder(waiter.loan.thread)
        self._refuse_if_queue_is_full(waiter.loan.borrower_class)
        if self.fail_fast and state.growth.is_refused_now(monotonic()) and not state.is_full:
            raise self._refused()
        is_full = state.is_full_for(waiter.loan.borrower_class) and not self._search_if_due()
        if is_full and (deadlock := state.deadlock_of(waiter, pool=self.name)):
            self._reserve_end.ask_for(self, after=state.queue.reserve_seconds)
            raise deadlock
        state.queue.add(waiter)
        self._stats[self._REQUESTS_QUEUED] += 1
        # A connection may have come back since somebody looked.
        state.serve_idle()
        state.growth.resume()
        self._grow()

    def _refuse_if_queue_is_full(self, borrower_class: BorrowerClass) -> None:
        if self.max_waiting and self.state.queue.count_before(borrower_class) >= self.max_waiting:
            raise PoolLineFull(
                f"pool {self.name!r}: POOL_MAX_WAITING={self.max_waiting} borrowers wait already: "
                f"{self.state.stats().as_text()}"
            )

    @guarded
    def _turn_away(self, waiter: Waiter) -> None:
        """Take `waiter` out of the queue; say why it was not served, unless it was, a moment ago."""
        if waiter.is_waiting:
            stats = self.state.stats()
            self.state.queue.remove(waiter)
            waiter.fail(self._why_not(waiter, stats))

    def _why_not(self, waiter: Waiter, stats: PoolStats) -> PoolTimeout:
        milliseconds = (monotonic() - waiter.started_at) * 1000
        text = f"pool {self.name!r}: no connection after {milliseconds:.0f} ms: {stats.as_text()}"
        growth, own = self.state.growth, waiter.loan.borrower_class
        if limit := self.state.room().limit_reached(own):
            rank, places = limit
            return PoolFull(f"{text}; the {places} places of class {self.classes.name_of(rank)!r} are taken")
        if stats.checked_out < stats.max and growth.refusal:
            return self._refused(f"{text}; ")
        if stats.checked_out < stats.max and (growth.error or stats.connecting):
            why = as_text(growth.error) if growth.error else "still connecting"
            return ServerUnreachable(f"{text}; the server has not answered: {why}")
        return PoolFull(f"{text} (see POOL_SIZE, POOL_MAX_OVERFLOW and POOL_TIMEOUT)")

    def _refused(self, text: str = "") -> ServerRefused:
        refusal = self.state.growth.refusal
        return ServerRefused(
            f"{text}no connection until somebody corrects this: {refusal} (see DATABASE_URL)"
        )

    def _turn_all_away(self) -> None:
        """Tell whoever waits that the server refuses. Needs the lock."""
        for waiter in self.state.queue:
            waiter.fail(self._refused())
        self.state.queue.clear()

    @guarded
    def look_again(self) -> None:
        """Serve the queue with what became free unannounced; any thread may call it."""
        self.state.serve_idle()
        self._grow()
        if self.state.queue.waiters:
            self._search_if_due()

    def _search_if_due(self) -> bool:
        is_due = self._orphans.is_due(loan for _, loan in self.state.loans.lent())
        if is_due:
            self._search.ask_for(self)
        return is_due

    @guarded
    def end_reserve(self) -> None:
        """End the reserve, unless it was used meanwhile, and serve who waited for it. Runs in a worker."""
        if (seconds := self.state.queue.end_reserve()) > 0:
            self._reserve_end.ask_for(self, after=seconds)
        self.state.serve_idle()

    # Parking: another may have it, and if nobody came, its borrower gets it back as it was ------------------

    def park(self, connection: PooledConnection) -> Loan | None:
        """
        Let others have a lent connection that is idle, without putting it back as it was before.

        That, and to note who borrows, are what a loan costs. Who gets it next pays for the former.

        Returns:
            What `unpark` takes; None where it was given back like any other.
        """
        loan: Loan = connection.loan
        connection.idle_since = now = monotonic()
        if (
            loan.lender is self
            and not (loan.is_reported or connection.met_read_only or self._reset is not None)
            and connection.pgconn.transaction_status == IDLE
            and not connection.is_expired(now, self._drained_at)
        ):
            # On one line, as in core.pool.guard.
            with self._lock: is_parked = self._may_park and self.state.park(connection)  # fmt: skip  # noqa: E701
            if is_parked:
                return loan
        loan.lender.putconn(connection)
        return None

    @property
    def _may_park(self) -> bool:
        return not (self._closed or self.is_finishing)

    def unpark(self, connection: PooledConnection, loan: Loan, *, callers_frames: int = 0) -> bool:
        """Take a parked connection back, as it was; return False when there is none to be had so."""
        if loan.borrower_class is not self.classes.current():
            return False
        # A third of what it costs to take one back: far enough to see through the ORM.
        loan.stack = note_stack(skip=1 + callers_frames, depth=AGAIN_DEPTH)
        loan.since = now = monotonic()
        try:
            # On one line, as in core.pool.guard.
            with self._lock: is_back = self._may_park and self.state.unpark(connection, loan)  # fmt: skip  # noqa: E701
            if not is_back or self._was_just_parked(connection, now) or self._is_fit(connection, now):
                return is_back
            self.discard(connection)
        except BaseException:
            self._call_off(loan)
            raise
        return False

    def _was_just_parked(self, connection: PooledConnection, now: float) -> bool:
        """Tell whether its borrower may go on with it unseen, as one who holds it between two queries."""
        return (
            now - connection.idle_since < UNSEEN_SECONDS
            and self._check is None
            and not connection.is_expired(now, self._drained_at)
        )

    # What may be lent ----------------------------------------------------------------------------------

    def _is_fit(self, connection: PooledConnection, now: float) -> bool:
        if connection.parked is not None and not self._put_back(connection):
            return False
        if connection.is_expired(now, self._drained_at):
            return False
        # The hot path, without a call that it can do without: a silent socket, a recent use.
        is_fresh = now - connection.idle_since < self.ping_after
        if (connection.poll(0) or not is_fresh) and not self._is_alive(connection, is_fresh=is_fresh):
            self._note_unfit(connection, psycopg.OperationalError("the connection was lost at once"))
            return False
        return self._check is None or self._passes_check(self._check, connection)

    def _put_back(self, connection: PooledConnection) -> bool:
        """Put a connection that somebody else parked back as it was; return False when that fails."""
        connection.parked = None
        is_clean = connection.scrub() and connection.restore_session()
        if not is_clean:
            self._note_bad(connection, is_clean=False)
        return is_clean

    def _is_alive(self, connection: PooledConnection, *, is_fresh: bool) -> bool:
        """Tell whether the server is still there."""
        is_alive = not connection.poll(0) or liveness.survives(connection, timeout=PING_SECONDS)
        return is_alive and (is_fresh or liveness.answers(connection, timeout=PING_SECONDS))

    def _passes_check(self, check: callbacks.Callback, connection: PooledConnection) -> bool:
        try:
            callbacks.check(check, connection)
        except Exception as error:  # noqa: BLE001 - as psycopg: whatever it raised, the connection is replaced
            logger.info("pool %s: a connection failed its check: %s", self.name, error)
            self._note_unfit(connection, error)
            return False
        return True

    def _note_unfit(self, connection: PooledConnection, error: Exception) -> None:
        """
        Count a connection that may not be lent; if the server went away, the older ones are dropped too.

        One that was opened just now counts as a failed connect: the next one begins a little later. Otherwise
        a check that always fails, or a server that hangs up at once, would be asked as fast as it answers.
        """
        self._count(self._CONNECTIONS_LOST)
        if connection.is_new:
            self._delay_growth(error)
        elif connection.closed:
            self._note_server_gone(connection)

    @guarded
    def _delay_growth(self, error: Exception) -> None:
        self.state.growth.note_unfit(error, now=monotonic())

    def _note_server_gone(self, connection: PooledConnection) -> None:
        """
        Drop every connection that is as old as this one: if the server went away, they are all dead.

        One proof is enough: the next borrower waits for one connect, not for one failure per connection.
        """
        if self._drain_older_than(connection):
            logger.warning("pool %s: the server closed a connection; the older ones are replaced", self.name)
            self._discard_idle()

    @guarded
    def _drain_older_than(self, connection: PooledConnection) -> bool:
        if connection.is_expired(0.0, self._drained_at):
            return False  # somebody was first
        self._drained_at = monotonic()
        return True

    # Returning -----------------------------------------------------------------------------------------

    def putconn(self, conn: PooledConnection) -> None:
        """
        Take a connection back, clean; replace it when it cannot be cleaned.

        Raises:
            ValueError: it does not come from this pool, or was returned before.
        """
        loan = getattr(conn, "loan", None)
        if loan is None or loan.lender is not self:
            self._refuse_to_take(conn)
            return
        try:
            is_clean = conn.scrub() and (conn.use_count == conn.use_count_before or conn.restore_session())
            if is_clean and self._reset is not None:
                is_clean = self._passes_reset(self._reset, conn)
            if not is_clean or conn.met_read_only:
                self._note_bad(conn, is_clean=is_clean)
            conn.idle_since = now = monotonic()
            if is_clean and not conn.is_expired(now, self._drained_at):
                # On one line, as in core.pool.guard.
                with self._lock: is_open = self._serve_or_keep(conn)  # fmt: skip  # noqa: E701
                if not is_open:
                    self._close_connection(conn)
            else:
                self.discard(conn)
        except BaseException:
            # Interrupted on its way: whoever returned it has let go of it already.
            if self._is_lost(conn, loan):
                self.discard(conn)
            raise
        if loan.is_reported:
            leaks.note_return(loan)

    def _passes_reset(self, reset: callbacks.Callback, connection: PooledConnection) -> bool:
        # In the borrower's thread: behind a connect that hangs in a worker it would delay the return.
        try:
            callbacks.reset(reset, connection)
        except Exception as error:  # noqa: BLE001 - as psycopg: whatever it raised, the connection is replaced
            logger.warning("pool %s: error in the reset of a connection: %s", self.name, error)
            return False
        return True

    def _refuse_to_take(self, connection: Any) -> None:
        # As psycopg's pool: what its borrower closed may be returned all the same.
        if not (
            isinstance(connection, PooledConnection) and connection.closed and connection.belongs_to(self)
        ):
            self._check_pool_putconn(connection)

    def close_lent(self, connection: PooledConnection) -> None:
        """Close a connection that its borrower closes: its place is free."""
        self._note_bad(connection, is_clean=False)
        self.discard(connection)

    def _note_bad(self, connection: PooledConnection, *, is_clean: bool) -> None:
        """Count a connection that must not be lent again; if the server is to blame, drop the others too."""
        if connection.broken or (connection.met_read_only and connection.is_on_standby()):
            self._note_server_gone(connection)
        if not is_clean:
            self._count(self._RETURNS_BAD)

    def _serve_or_keep(self, connection: PooledConnection) -> bool:
        """
        Give a connection to the next in the queue, or keep it. Needs the lock.

        Returns:
            False when the pool is closed, and the connection is to be closed as well.
        """
        if self._closed:
            return False
        self.state.serve_or_keep(connection)
        if self._pool_full_event and len(self._pool) >= self._min_size:
            self._pool_full_event.set()
        if self.is_finishing:
            self._came_back.notify_all()
        return True

    @guarded
    def _keep(self, connection: PooledConnection) -> bool:
        """Give back what the pool itself had taken out; return as `_serve_or_keep`."""
        connection.loan, connection.idle_since = None, monotonic()
        return self._serve_or_keep(connection)

    @guarded
    def _is_lost(self, connection: PooledConnection, loan: Loan) -> bool:
        return self.state.is_lost(connection, loan)

    def hand_over(self, connection: PooledConnection, *, borrower: str) -> bool:
        """
        Pass a lent, idle connection on to another borrower of the same thread, without the queue.

        Returns:
            False when the connection is not fit; it was discarded.
        """
        is_fit = connection.scrub() and not connection.is_expired(monotonic(), self._drained_at)
        # Not a ping: its borrower used it, and only now lets go of it.
        if is_fit and not self._is_alive(connection, is_fresh=True):
            self._count(self._CONNECTIONS_LOST)
            self._note_server_gone(connection)
            is_fit = False
        if not is_fit:
            self.discard(connection)
            return False
        after = Loan(borrower, lender=self, borrower_class=connection.loan.borrower_class)
        # On one line, as in core.pool.guard.
        with self._lock: before = self.state.pass_on(connection, after)  # fmt: skip  # noqa: E701
        leaks.note_return(before)
        return True

    # Opening -------------------------------------------------------------------------------------------

    def _open(self) -> None:
        # No thread can be started any more when the process ends.
        if self.exit_thread is None:
            super()._open()

    def _start_workers(self) -> None:
        # psycopg's queue of tasks takes a lock in Python, which an interrupted borrower could leave locked.
        self._tasks: Any = SimpleQueue[MaintenanceTask]()
        super()._start_workers()

    def _start_initial_tasks(self) -> None:
        self._grow()

    def _grow(self) -> None:
        """Begin as many connects as the queue needs and the bound allows. Needs the lock."""
        wanted = 0 if self._closed else self.state.missing()
        if wanted and (delay := self.state.growth.retry_at - monotonic()) > 0:
            self._retry.ask_for(self, after=delay)
            return
        for _ in range(wanted):
            connect = Connect(self, SharedPool.connect_one)
            if not self.slots.take(connect, or_call=self.look_again):
                return
            self.state.growth.add(connect)
            self.run_task(connect)

    def connect_one(self, connect: Connect["SharedPool"]) -> None:
        """Open the connection that `_grow` decided on and give it to the queue. Runs in a worker."""
        try:
            connection = None if self._closed else self._connect()
        except Exception as error:  # noqa: BLE001 - whatever failed, the slot must be freed
            has_given_up, news = self._note_failure(connect, error)
            if news:
                logger.warning("pool %s %s", self.name, news)
            self.slots.note_freed()
            if has_given_up:
                logger.warning("pool %s could not connect for %g s", self.name, self.reconnect_timeout)
                self.reconnect_failed()
            return
        if connection is not None and (count := self.state.growth.failure_count):
            logger.info("pool %s connects again, after %d attempts", self.name, count)
        if not self._admit(connect, connection):
            if connection is not None:
                self._close_connection(connection)
            self.slots.note_freed()

    def _connect(self, timeout: float | None = None) -> PooledConnection:  # noqa: ARG002 - psycopg's
        self._count(self._CONNECTIONS_NUM)
        started = monotonic()
        with unreadable_parameters():
            connection = self.connection_class.connect(self._resolve_conninfo(), **self._resolve_kwargs())
        self._count(self._CONNECTIONS_MS, int((monotonic() - started) * 1000))
        try:
            if time_limits := settings_of(
                self.classes.of_a_session, version=connection.pgconn.server_version
            ):
                connection.send(time_limits.removeprefix(b"; "))
            if self._configure:
                callbacks.configure(self._configure, connection)
            connection.attach_to(self)
        except BaseException:
            connection.disconnect()
            raise
        self._set_connection_expiry_date(connection)
        return connection

    def _open_at_exit(self, loan: Loan, deadline: float) -> PooledConnection:
        """Open a connection in this thread: the workers have ended, and few statements are to come."""
        self._pause_at_exit(deadline)
        connect = Connect(self, SharedPool.connect_one)
        if not self.slots.take(connect, or_call=self.look_again):
            limit = self.slots.limit
            raise PoolClosed(f"{self._is_ending()}, and all {limit} connections are still lent")
        try:
            connection = self._connect()
            connection.loan = loan
            self._count_in(connection, connect)
        except psycopg.Error as error:
            raise ServerUnreachable(f"{self._is_ending()}, and a connect failed: {as_text(error)}") from None
        finally:
            connect.has_socket = False
        return connection

    def _pause_at_exit(self, deadline: float) -> None:
        """Wait a little after a connection that could not be lent."""
        growth = self.state.growth
        sleep(max(0.0, min(growth.retry_at, deadline) - monotonic()))
        if monotonic() >= deadline:
            why = as_text(growth.error) if growth.error else "the time is over"
            raise ServerUnreachable(f"{self._is_ending()}, and no connection could be lent: {why}")

    def _is_ending(self) -> str:
        return f"the pool {self.name!r} is closed: this process is ending"

    @guarded
    def _count_in(self, connection: PooledConnection, connect: Connect["SharedPool"]) -> None:
        """Count a new connection in the place of its connect."""
        self.slots.pass_on(connect, to=connection)
        self.state.loans.add(connection)
        connect.has_socket = False

    @guarded
    def _admit(self, connect: Connect["SharedPool"], connection: PooledConnection | None) -> bool:
        """Take a new connection for the pool's; return False when the pool was closed meanwhile."""
        if connection is not None:
            self._count_in(connection, connect)
        connect.has_socket = False
        self.state.growth.note_success()
        if self._closed or connection is None:
            return False
        self._serve_or_keep(connection)
        self._grow()
        self._watch.ask_for(self, after=self._watch_interval())
        if self.state.open_count > self._min_size:
            self._sweep.ask_for(self, after=self.max_idle)
        return True

    @guarded
    def _note_failure(self, connect: Connect["SharedPool"], error: Exception) -> tuple[bool, str | None]:
        """
        Count a failed connect.

        Returns:
            Whether they have failed for `reconnect_timeout` seconds, and what to log of this one.
        """
        connect.has_socket = False
        self._stats[self._CONNECTIONS_ERRORS] += 1
        growth, is_awaited = self.state.growth, self.state.queue.count(up_to=1) > 0
        has_given_up = growth.note_failure(error, now=monotonic(), is_awaited=is_awaited)
        if self.fail_fast and growth.refusal and is_awaited:
            # They say so themselves.
            self._turn_all_away()
            return has_given_up, None
        self._grow()
        return has_given_up, growth.news()

    @guarded
    def _resume_growth(self) -> None:
        """Open what is missing, even if the pool has given that up: somebody looks after it."""
        self.state.growth.resume()
        self._grow()

    # Closing -------------------------------------------------------------------------------------------

    def discard(self, connection: PooledConnection) -> None:
        """Close a connection that somebody had."""
        loan = connection.loan
        self._close_connection(connection)
        self.look_again()
        if loan is not None:
            leaks.note_return(loan)

    def _close_connection(self, conn: PooledConnection) -> None:
        # It holds its slot until its socket is closed (B1).
        conn.disconnect()
        self._note_closed(conn)
        self.slots.note_freed()

    @guarded
    def _note_closed(self, connection: PooledConnection) -> None:
        if connection.loan is not None:
            self.state.note_use(connection.loan)
        connection.loan = None
        if self.is_finishing:
            self._came_back.notify_all()

    def _discard_idle(self) -> None:
        for connection in self._take_all_idle():
            self.discard(connection)

    @guarded
    def _take_all_idle(self) -> list[PooledConnection]:
        return self.state.take_all_idle()

    def close_overflow(self) -> None:
        """Close what is above `min_size` and was idle for `max_idle` seconds. Runs in a worker."""
        for connection in self._take_surplus():
            self.discard(connection)

    @guarded
    def _take_surplus(self) -> list[PooledConnection]:
        state, now = self.state, monotonic()
        found = state.take_surplus(idle_before=now - self.max_idle)
        if state.open_count - len(found) > state.size:
            # Where all of it is in use, look again before any of it can be due.
            due_at = state.idle[0].idle_since + self.max_idle if state.idle else now + self.max_idle / 4
            self._sweep.ask_for(self, after=max(0.01, due_at - now))
        return found

    # Watching ------------------------------------------------------------------------------------------

    @guarded
    def loans(self) -> list[tuple[PooledConnection, Loan]]:
        """Return what is lent, to whom."""
        return self.state.loans.lent()

    @guarded
    def idle(self) -> list[PooledConnection]:
        """Return what is idle, the longest idle first."""
        return list(self.state.idle)

    def watch_loans(self) -> None:
        """Report what is lent for too long, and look for what nobody has any more. Runs in a worker."""
        loans = [loan for _, loan in self.loans()]
        leaks.report_leaks(loans, after=self.leak_seconds)
        if self._orphans.is_due(loans):
            self._orphans.run()
        self._watch_on()

    @guarded
    def _watch_on(self) -> None:
        if self.state.loans.open():
            self._watch.ask_for(self, after=self._watch_interval())

    def _watch_interval(self) -> float:
        return min(max(self.leak_seconds / 4, SHORTEST_WATCH_SECONDS), LONGEST_WATCH_SECONDS)

    def search_orphans(self) -> None:
        """Close what nobody has any more: somebody waits. Runs in a worker."""
        self._orphans.run()

    def note_dropped(self, loan: Loan) -> None:
        """Report a connection that was collected while it was lent, and serve the queue in its place."""
        # Its finalizer may run anywhere, also inside a critical section: a worker does the rest.
        self.run_task(Task(self, lambda pool: pool.report_dropped(loan)))

    def report_dropped(self, loan: Loan) -> None:
        """Log what `note_dropped` noted. Runs in a worker."""
        leaks.note_dropped(loan)
        self._note_use(loan)
        self.slots.note_freed()
        self.look_again()

    # Numbers -------------------------------------------------------------------------------------------

    @guarded
    def stats(self) -> PoolStats:
        """Return one consistent snapshot."""
        return self.state.stats()

    def _get_measures(self) -> dict[str, int]:
        used_ms = int(self.state.used_seconds * 1000)
        return {**super()._get_measures(), self._POOL_SIZE: self.stats().open, self._USAGE_MS: used_ms}

    @guarded
    def pop_stats(self) -> dict[str, int]:
        """Return what `get_stats()` does, and count from zero again."""
        stats = super().pop_stats()
        self.state.used_seconds = 0.0
        return stats

    @guarded
    def _count(self, name: str, number: int = 1) -> None:
        self._stats[name] += number

    @guarded
    def _note_use(self, loan: Loan) -> None:
        self.state.note_use(loan)

    # The rest of psycopg's interface -------------------------------------------------------------------

    def wait(self, timeout: float = 30.0) -> None:
        """Wait until `min_size` connections are open; a lazy pool has nothing to wait for."""
        if not self.lazy:
            super().wait(timeout)

    def drain(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        self._drained_at = monotonic()
        self._discard_idle()
        self._resume_growth()

    def check(self) -> None:
        """Ask every idle connection for a sign of life and replace the dead ones."""
        for connection in self._take_all_idle():
            if not liveness.answers(connection, timeout=PING_SECONDS):
                self._count(self._CONNECTIONS_LOST)
                self.discard(connection)
            elif connection.is_expired(monotonic(), self._drained_at) or not self._keep(connection):
                self.discard(connection)
        self._resume_growth()

    @guarded
    def resize(self, min_size: int, max_size: int | None = None) -> None:
        """Change the sizes; what is above the new bound closes when it comes back idle."""
        self._min_size, self._max_size = self._check_size(min_size, max_size)
        self.state.size, self.state.bound = self._min_size, self._max_size
        self.slots.limit = self._max_size
        self._resume_growth()
        self._sweep.ask_for(self, after=self.max_idle)

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[PooledConnection]:
        """Lend a connection for a `with` block, commit or roll back at its end."""
        connection = self.getconn(timeout)
        try:
            with connection:
                yield connection
        finally:
            if connection.lender is self:
                self.putconn(connection)

    # The end -------------------------------------------------------------------------------------------

    def close(self, timeout: float = 5.0) -> None:
        """Close what is idle now, and what is lent when it comes back; nothing is lent any more."""
        self._opens_when_used = False
        super().close(timeout)

    def shut_down(self, timeout: float) -> bool:
        """
        Stop lending, wait up to `timeout` seconds for what is lent, then close.

        Returns:
            Whether everything came back in time; what did not is closed when it does.
        """
        deadline = monotonic() + timeout
        with self._came_back:
            self.is_finishing = True
            while self.state.loans.lent() and (left := deadline - monotonic()) > 0:
                # One that is dropped comes back without a word.
                self._came_back.wait(min(left, LOOK_AGAIN_SECONDS))
            is_empty = not self.state.loans.lent()
        self.close()
        return is_empty

    def abandon(self) -> None:
        """
        Begin again in a forked child, which has no thread of the pool and must use no connection of it.

        If it was open, it opens when somebody borrows.
        """
        for connection in self.state.loans.open():
            forks.silence(connection.fileno())
            connection.loan = None
        was_open = not self._closed
        if was_open:
            self._closed, self._opened = True, False
        self._workers, self._sched_runner = [], None
        self._pool, self._stats, self._drained_at = deque(), Counter(), 0.0
        # Fresh locks: the parent's may be held by a thread that the child does not have.
        self._lock, self._pool_full_event = type(self._lock)(), None
        self._make_parts(lazy=self.lazy, reserve_seconds=self.state.queue.reserve_seconds)
        self._opens_when_used = was_open


def _refuse_other_classes(connection_class: Any) -> None:
    if not (isinstance(connection_class, type) and issubclass(connection_class, PooledConnection)):
        raise TypeError(
            f"connection_class must be a subclass of PooledConnection, not {connection_class!r}: "
            "another's connections cannot be put back as they were for the next borrower"
        )
