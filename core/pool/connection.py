"""
The pooled connection: it comes back to its pool on close(), broken or not, and it comes back as it left.

Two libraries use it in turn, each with its own ideas about autocommit, adapters and handlers. What one of
them changed is put back here, so that the other never inherits it.
"""

import logging
import os
import select
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from time import monotonic
from typing import Any, NamedTuple, Self
from weakref import ReferenceType, ref

import psycopg
from psycopg import generators, pq, sql
from psycopg.abc import PQGen, PQGenConn
from psycopg.adapt import AdaptersMap
from psycopg.errors import error_from_result
from psycopg.types import TypesRegistry

from core.pool import connecting
from core.pool.classes import NEWEST

logger = logging.getLogger(__name__)

IDLE = pq.TransactionStatus.IDLE
ACTIVE = pq.TransactionStatus.ACTIVE
INTRANS = pq.TransactionStatus.INTRANS
INERROR = pq.TransactionStatus.INERROR

# So many cursors are remembered before those that are gone are forgotten.
MANY_CURSORS = 64
# For so long a connection that does not work says that the server does not, not that it went away meanwhile.
NEW_SECONDS = 1.0
# The borrower that uses neither library.
DRIVER = "psycopg"
# Borrowers who return a connection in a transaction as a matter of course: SQLAlchemy's pools roll back then.
ROLLED_BACK_ON_RETURN = frozenset({"sqlalchemy", DRIVER})
# What Postgres tells its clients whenever it changes; search_path from version 18 on.
REPORTED = (
    *(b"client_encoding", b"TimeZone", b"DateStyle", b"IntervalStyle", b"search_path", b"application_name"),
    *(b"standard_conforming_strings", b"session_authorization", b"is_superuser"),
    b"default_transaction_read_only",
)
# Who the session is, and whether it may write, is not set by name, or not by the borrower alone: a new
# connection.
NOT_RESTORED = {b"session_authorization", b"is_superuser", b"default_transaction_read_only"}
_READ_ONLY_PARAMETERS = ("in_hot_standby", "default_transaction_read_only")


class _Baseline(NamedTuple):
    """What a borrower may change and must not keep changed."""

    state: tuple[Any, ...]
    attributes: tuple[Any, ...]
    adapters: AdaptersMap
    notice_handlers: list[Any]
    notify_handlers: list[Any]
    reported: tuple[bytes | None, ...]


class Changes(NamedTuple):
    """What a borrower changed of a connection on this side of the wire: types, handlers and attributes."""

    attributes: tuple[Any, ...]
    adapters: AdaptersMap | None
    own_adapters: "WatchedAdapters"
    notice_handlers: list[Any]
    notify_handlers: list[Any]


class _Returned:
    """Stands where a connection was: who holds on to what was given back must not reach the next borrower."""

    closed = True
    broken = False
    # For psycopg's cursors, which may be read and closed. Not a real lock: all threads meet here, and a child
    # that is forked meanwhile could find it locked.
    lock = nullcontext()
    _pipeline = None

    def __getattr__(self, name: str) -> Any:
        raise psycopg.InterfaceError(f"{name}: the connection was given back to the pool")


RETURNED: Any = _Returned()


class PooledConnection(psycopg.Connection[Any]):
    """
    A psycopg connection that belongs to a `core.pool.SharedPool`.

    Attributes:
        loan: who has it, a `core.pool.loans.Loan`; None while it is idle.
        idle_since: when it was opened or last came back, on the monotonic clock, in seconds.
        poll: looks at its socket; true when there is something to read.
        before_statement: called before each statement that is not SQLAlchemy's, inside a joined transaction.
        use_count: how often somebody waited for the server, or made a cursor.
        use_count_before: what it was when the connection was last given back.
        met_read_only: a statement was refused because the server takes no writes (SQLSTATE 25006).
        is_in_callback: the pool has it, for a callback of its options: close() closes it.
        parked: the loan of whoever left it among the idle ones as it was, and may take it back so; else None.
    """

    loan: Any = None
    idle_since: float = 0.0
    poll: Callable[[int], Sequence[Any]]
    # psycopg_pool's: when it was opened, and when it is too old, on the monotonic clock.
    _created_at: float
    _expire_at: float
    before_statement: Callable[[], None] | None = None
    use_count: int = 0
    met_read_only: bool = False
    is_in_callback: bool = False
    parked: Any = None
    _baseline: _Baseline
    _own_adapters: "WatchedAdapters"
    _process_id = 0
    # Whether its server knows every time limit.
    _is_newest = False
    # Weak, dead ones included until there are many: a set of them takes longer than the rest of a cursor.
    _cursors: "list[ReferenceType[Any]] | None" = None
    use_count_before: int
    _has_portals = False
    _home: Callable[[], Any] = staticmethod(lambda: None)

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        # psycopg's, but that a refusal has its SQLSTATE.
        return cls((yield from connecting.connect(conninfo)))

    def close(self) -> None:
        """
        Close the connection: a lent one frees its place, and its borrower must ask for another.

        To give it back, its borrower calls the pool's `putconn()`; where the pool was made with
        `close_returns=True`, this does. One that was given back is the pool's: it is not closed by somebody
        who kept it.
        """
        # psycopg's close() returns early on a broken connection, and so loses the pool's slot (R1).
        pool = self.lender
        if self.is_in_callback or (pool is None and self._home() is None):
            self.disconnect()
        elif pool is not None and pool.close_returns:
            pool.putconn(self)
        elif pool is not None:
            pool.close_lent(self)

    def disconnect(self) -> None:
        """Close the socket."""
        # psycopg calls one that was lost `broken`, also after it was closed.
        if not self.closed:
            self._closed = True
        # Another socket may get its descriptor: the pool must not look at that one.
        self.poll = _is_closed
        self.pgconn.finish()

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """Wait for the server, as psycopg does; every statement passes through here."""
        if self.before_statement is not None:
            self.before_statement()
        return self.wait_unheard(*arguments, **options)

    def wait_unheard(self, *arguments: Any, **options: Any) -> Any:
        """Wait for the server without a call of `before_statement`."""
        self.use_count += 1
        try:
            return super().wait(*arguments, **options)
        except psycopg.errors.ReadOnlySqlTransaction:
            self.met_read_only = True
            raise

    def belongs_to(self, pool: Any) -> bool:
        """Tell whether it was opened by `pool`, lent or not."""
        return self._home() is pool

    @property
    def lender(self) -> Any:
        """The pool that it is checked out from; None while it is idle, or when its pool is gone."""
        return None if self.loan is None else self.loan.lender

    # psycopg's name for it. A property: that it is lent is told in one place, by its loan.
    _pool = lender

    def switch_autocommit(self, *, on: bool) -> None:
        """
        Set autocommit for the statements to come.

        psycopg's own setter asks first whether a transaction is open, which takes a lock and a turn of its
        event loop: this is for a connection that is known to be idle.
        """
        self._autocommit = on

    @property
    def has_socket(self) -> bool:
        """Whether it has a socket to the server: not closed, and not known to be broken."""
        return not self.closed

    def is_expired(self, now: float, drained_at: float) -> bool:
        """Tell whether it is too old to be lent, or older than the pool's last `drain()`."""
        return self._expire_at <= now or self._created_at <= drained_at

    @property
    def is_new(self) -> bool:
        """Whether it was opened just now, and nobody had it before."""
        return self.idle_since <= self._created_at and self.age < NEW_SECONDS

    def retire(self) -> None:
        """Let it be closed when it comes back: somebody said that it is of no use any more."""
        self._expire_at = 0.0

    @property
    def age(self) -> float:
        """Seconds since it was opened."""
        return monotonic() - self._created_at

    def __del__(self, _warn: Any = None) -> None:
        # A borrower dropped it. Nobody has it, so it is closed, and its slot is free.
        # In a forked child the socket is still the parent's.
        if self._closed or self._process_id != os.getpid():
            return
        self.disconnect()
        if self.loan is not None and (pool := self._home()) is not None:
            pool.note_dropped(self.loan)

    def _exec_command(self, command: Any, *arguments: Any, **options: Any) -> PQGen[Any]:
        # psycopg's; a transaction's time limits go along with its BEGIN, and cost no round trip.
        limits = self._time_limits() if command is self._begin_statement else b""
        if not limits:
            return (yield from super()._exec_command(command, *arguments, **options))
        self._check_connection_ok()
        self.pgconn.send_query(command + limits)
        results = yield from generators.execute(self.pgconn)
        _raise_first_error(results)
        return results[-1]

    def _time_limits(self) -> bytes:
        """Return what sets its borrower's time limits behind a BEGIN; a pipeline takes no list."""
        if self.loan is None or self._pipeline is not None:
            return b""
        limits: bytes = self.loan.borrower_class.begins[self._is_newest]
        return limits

    def execute_prepared(self, statement: str, parameters: Any) -> list[tuple[Any, ...]]:
        """
        Run a statement that a session plans once, where the server keeps the session; return its rows.

        The plan does not last: a rollback ends it, and so does a borrower who says DISCARD ALL. The next one
        asks for a plan again; but the statement that found it gone has failed, see `sqlstates.PLAN_IS_GONE`.
        """
        before = self._prepared.prepare_threshold
        if before is None and self.lender is not None and self.lender.keeps_session:
            # Never reached: only what asks for it is prepared.
            self._prepared.prepare_threshold = sys.maxsize
        try:
            # Not the borrower's kind, which may bind parameters by itself and so has nothing to prepare.
            cursor = self.keep(psycopg.Cursor(self))
            rows: list[tuple[Any, ...]] = cursor.execute(statement, parameters, prepare=True).fetchall()
            return rows
        finally:
            self._prepared.prepare_threshold = before

    @property
    def notice_handlers(self) -> Sequence[Any]:
        """Who hears what the server says."""
        return self._notice_handlers

    @property
    def is_busy(self) -> bool:
        """Whether somebody is in the middle of a statement on it: a COPY, a stream, or this very thread."""
        return self.lock.locked() or self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE

    def begin_command(self) -> bytes:
        """Return the BEGIN that psycopg would send before a statement, with its borrower's time limits."""
        return self._get_tx_start_command() + self._time_limits()

    def send(self, statement: bytes) -> list[Any]:
        """
        Send statements without parameters, past psycopg's lock, and return their results.

        Raises:
            psycopg.Error: the first that failed.
        """
        self.pgconn.send_query(statement)
        results: list[Any] = self.wait_unheard(generators.execute(self.pgconn))
        _raise_first_error(results)
        return results

    def is_on_standby(self) -> bool:
        """Tell whether a write failed because the server became read-only; it costs no round trip."""
        self.met_read_only = False
        if self.read_only:
            return False
        # Postgres 14 and newer tell their clients; of older ones, the refusal itself must do.
        reported = [self.info.parameter_status(name) for name in _READ_ONLY_PARAMETERS]
        return "on" in reported or reported == [None, None]

    def attach_to(self, pool: Any) -> None:
        """Belong to `pool` from now on; the state that it has now is the one to come back to."""
        self.idle_since = monotonic()
        # Weak: the pool keeps what is idle.
        self._home = ref(pool)
        self._process_id = os.getpid()
        self._is_newest = self.pgconn.server_version >= NEWEST
        poller = select.poll()
        poller.register(self.fileno(), select.POLLIN)
        self.poll = poller.poll
        adapters = AdaptersMap(self.adapters)
        self._adapters = self._own_adapters = WatchedAdapters(adapters)
        # Copies of its lists: borrowers append to the originals.
        state = tuple(list(part) if isinstance(part, list) else part for part in self._state())
        handlers = list(self._notice_handlers), list(self._notify_handlers)
        self._baseline = _Baseline(state, self._attributes(), adapters, *handlers, self._reported())
        self.use_count_before = self.use_count

    # Cursors -------------------------------------------------------------------------------------------

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """Make a cursor, as psycopg does; it is of no use once the connection was given back."""
        return self.keep(super().cursor(*arguments, **options))

    def keep(self, cursor: Any) -> Any:
        """Remember a cursor until the connection is given back, and return it."""
        self.use_count += 1
        kept = self._cursors
        if kept is None:
            self._cursors = [ref(cursor)]
        else:
            if len(kept) >= MANY_CURSORS:
                kept[:] = [each for each in kept if each() is not None]
            kept.append(ref(cursor))
        if getattr(cursor, "_withhold", False):
            self._has_portals = True
        return cursor

    def has_open_cursor(self) -> bool:
        """Tell whether somebody may still read from, or write through, this connection."""
        for each in self._cursors or ():
            cursor = each()
            if cursor is not None and not cursor.closed:
                return True
        return False

    def let_go_of_cursors(self) -> None:
        """
        Part with the cursors of a borrower who gave the connection back.

        What they have fetched can be read; a statement of theirs is refused, and reaches no other borrower.
        """
        kept, self._cursors = self._cursors, None
        for each in kept or ():
            cursor = each()
            if cursor is None:
                continue
            cursor._conn = RETURNED  # noqa: SLF001 - docs/adr/0008
            if isinstance(cursor, psycopg.ServerCursor):
                # Its rows are at the server.
                cursor._closed = True  # noqa: SLF001

    def _close_portals(self) -> bool:
        """Close cursors that live on without a transaction; return False when that fails."""
        self._has_portals = False
        try:
            self.send(b"CLOSE ALL")
        except psycopg.Error:
            return False
        return True

    # Coming back as it left ----------------------------------------------------------------------------

    def restore_session(self) -> bool:
        """
        Put back what the server reports of a session without being asked, if a statement changed it.

        For one that was used, between two borrowers; a hand-over keeps the session as it is. It costs a round
        trip only when something changed.

        Returns:
            False when it cannot be put back: the connection must be discarded.
        """
        if self._cursors is not None:
            self.let_go_of_cursors()
        is_restored = (not self._has_portals or self._close_portals()) and self._restore_reported()
        self.use_count_before = self.use_count
        return is_restored

    def _restore_reported(self) -> bool:
        reported = self._reported()
        if reported == self._baseline.reported:
            return True
        changed = {
            name: value
            for name, value, now in zip(REPORTED, self._baseline.reported, reported, strict=True)
            if value != now
        }
        return not changed.keys() & NOT_RESTORED and self._set_again(changed)

    def _reported(self) -> tuple[bytes | None, ...]:
        status = self.pgconn.parameter_status
        return tuple([status(name) for name in REPORTED])

    def _set_again(self, settings: Mapping[bytes, bytes | None]) -> bool:
        calls = [
            sql.SQL("set_config({}, {}, false)").format(name.decode(), (value or b"").decode())
            for name, value in settings.items()
        ]
        try:
            self.send(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)).as_bytes(self))
        except psycopg.Error:
            return False
        return self._reported() == self._baseline.reported

    def scrub(self) -> bool:
        """
        Bring the connection back to the remembered state.

        It costs a round trip only when a transaction is open, and takes about a microsecond otherwise.

        Returns:
            False when that is not possible: the connection must be discarded.
        """
        if self._is_as_it_was():
            return True
        self._report_unfinished_work()
        return self.restore()

    def _is_as_it_was(self) -> bool:
        # Nearly always nothing changed. To see that in one comparison takes half the time of one by one.
        adapters = self._own_adapters
        return (
            self._adapters is adapters
            and not adapters.has_changed()
            and self._state() == self._baseline.state
        )

    def changes(self) -> Changes | None:
        """Return what its borrower changed, to be made again after a hand-over; None when nothing was."""
        if self._is_as_it_was():
            return None
        handlers = list(self._notice_handlers), list(self._notify_handlers)
        return Changes(self._attributes(), self._adapters, self._own_adapters, *handlers)

    def change_again(self, changes: Changes) -> None:
        """Make the changes of a borrower who gets the connection back."""
        self._set_attributes(changes.attributes)
        self._adapters, self._own_adapters = changes.adapters, changes.own_adapters
        self._notice_handlers[:] = changes.notice_handlers
        self._notify_handlers[:] = changes.notify_handlers

    def restore(self) -> bool:
        """Do what `scrub` does, step by step, for what the pool itself or its options did."""
        if not self._end_transaction():
            return False
        if self._attributes() != self._baseline.attributes:
            self._set_attributes(self._baseline.attributes)
        self._restore_handlers()
        self._restore_adapters()
        return True

    @property
    def is_at_rest(self) -> bool:
        """Whether it is open and nothing is under way: no statement, transaction or pipeline."""
        return self.pgconn.transaction_status == IDLE and not self._has_open_block()

    def _has_open_block(self) -> bool:
        # A pipeline, a prepared two-phase transaction or an open transaction() block belongs to the borrower:
        # nobody else can end it.
        return bool(self._num_transactions) or self._pipeline is not None or self._tpc is not None

    def _report_unfinished_work(self) -> None:
        # As psycopg's pool: whoever forgets a commit should find it in the log, not in the missing rows.
        status = self.pgconn.transaction_status
        if status in (INTRANS, INERROR) and self.loan.borrower not in ROLLED_BACK_ON_RETURN:
            logger.warning("connection returned in a transaction, rolling back: %s", self.loan.as_text())
        elif status == ACTIVE:
            logger.warning("connection returned in the middle of a statement: %s", self.loan.as_text())

    def _end_transaction(self) -> bool:
        if self._has_open_block():
            return False
        status = self.pgconn.transaction_status
        if status == IDLE:
            return True
        if status in (INTRANS, INERROR):
            try:
                self.rollback()
            except psycopg.Error:
                return False
            status = self.pgconn.transaction_status
        return status == IDLE

    def _state(self) -> tuple[Any, ...]:
        """Return all that `scrub` looks after, but for the adapters."""
        prepared = self._prepared
        return (
            self.pgconn.transaction_status,
            self._num_transactions,
            self._pipeline,
            self._tpc,
            self._autocommit,
            self._isolation_level,
            self._read_only,
            self._deferrable,
            self.row_factory,
            self.cursor_factory,
            self.server_cursor_factory,
            prepared.prepare_threshold,
            prepared.prepared_max,
            self._notice_handlers,
            self._notify_handlers,
            not self._notifies_backlog,
        )

    def _attributes(self) -> tuple[Any, ...]:
        prepared = self._prepared
        return (
            self._autocommit,
            self._isolation_level,
            self._read_only,
            self._deferrable,
            self.row_factory,
            self.cursor_factory,
            self.server_cursor_factory,
            prepared.prepare_threshold,
            prepared.prepared_max,
        )

    def _set_attributes(self, attributes: tuple[Any, ...]) -> None:
        prepared = self._prepared
        (
            self._autocommit,
            self._isolation_level,
            self._read_only,
            self._deferrable,
            self.row_factory,
            self.cursor_factory,
            self.server_cursor_factory,
            prepared.prepare_threshold,
            prepared.prepared_max,
        ) = attributes
        # psycopg keeps the BEGIN that it made from the attributes.
        self._begin_statement = b""

    def _restore_handlers(self) -> None:
        # Notifications that nobody read belong to the borrower who listened.
        if self._notifies_backlog:
            self._notifies_backlog.clear()
        if self._notice_handlers != self._baseline.notice_handlers:
            self._notice_handlers[:] = self._baseline.notice_handlers
        if self._notify_handlers != self._baseline.notify_handlers:
            self._notify_handlers[:] = self._baseline.notify_handlers

    def _restore_adapters(self) -> None:
        if self._has_changed_adapters():
            self._adapters = self._own_adapters = WatchedAdapters(self._baseline.adapters)

    def _has_changed_adapters(self) -> bool:
        return self._adapters is not self._own_adapters or self._own_adapters.has_changed()


class WatchedAdapters(AdaptersMap):
    """Adapters that can tell whether somebody registered one: cheaper than to compare them."""

    _is_changed = False

    def __init__(self, template: AdaptersMap) -> None:
        super().__init__(template)
        self._types_before = _table_of(self.types)

    def has_changed(self) -> bool:
        """Tell whether a dumper, a loader or a type was registered since."""
        return self._is_changed or _table_of(self.types) is not self._types_before

    def register_dumper(self, cls: Any, dumper: Any) -> None:
        """Register a dumper, and note that."""
        self._is_changed = True
        super().register_dumper(cls, dumper)

    def register_loader(self, oid: Any, loader: Any) -> None:
        """Register a loader, and note that."""
        self._is_changed = True
        super().register_loader(oid, loader)


def _is_closed(_timeout: int) -> Sequence[Any]:
    """Stand where a look at a socket was: there is something to see, that it is closed."""
    return (True,)


def _raise_first_error(results: Iterable[Any]) -> None:
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise error_from_result(result)


def _table_of(types: TypesRegistry) -> object:
    # The registry copies its table when it is first written to.
    return types._registry  # noqa: SLF001 - docs/adr/0008
