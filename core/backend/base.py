"""
Django's side of the shared pool.

What differs from Django's own backend, on purpose: the pool behind `OPTIONS["pool"]` is a SharedPool, and a
connection can tell whether it may be handed over to SQLAlchemy, or be joined by it: `core.engine.creator`.
"""

import sys
from asyncio import _get_running_loop
from contextlib import AbstractContextManager, nullcontext
from threading import get_ident
from typing import Any, ClassVar, Protocol
from weakref import ReferenceType, ref

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, InterfaceError
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base as postgresql
from django.utils.asyncio import async_unsafe
from psycopg import IsolationLevel, pq, sql

from core.backend import application_name, lifecycle, pool_options
from core.backend.cursors import Cursor, DebugCursor
from core.pool import SharedPool
from core.pool.connection import Changes, PooledConnection
from core.pool.slots import Slots

# UNKNOWN: it broke. Its place in the pool is better free than held until the request ends.
_AT_REST = {pq.TransactionStatus.IDLE, pq.TransactionStatus.UNKNOWN}


class _UntilConnected(list[Any]):
    """The on_commit callbacks of a wrapper that Django is about to connect."""


class Turns(Protocol):
    """What a transaction that SQLAlchemy joined must hear of: `core.engine.turns` is one."""

    def unheard(self) -> AbstractContextManager[None]:
        """Let Django manage a savepoint of its own."""

    def note_savepoint(self, name: str) -> None:
        """Note that Django made a savepoint."""

    def close_block(self) -> None:
        """End what joined the block that is about to be committed; raise where that cannot be done."""

    def prepare_release(self, name: str) -> None:
        """Find out what was written since a savepoint of Django's, which is about to be released."""

    def note_gone(self, name: str | None, *, is_undone: bool) -> None:
        """Note that the savepoints since `name` are gone, or all of them."""


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """Django's Postgres connection, borrowed from the shared pool."""

    # Of our own: Django's stock backend may serve another alias beside ours.
    _connection_pools: ClassVar[dict[str, SharedPool]] = lifecycle.connection_pools
    _slots: ClassVar[dict[str, Slots]] = lifecycle.slots

    def __init__(self, settings_dict: dict[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(settings_dict, alias)
        # Of the transaction that is open, once SQLAlchemy joined it.
        self.turns: Any = None
        # What a joined connection could not say: the end of the block says it.
        self.unreported: Exception | None = None
        self._handed_over: tuple[ReferenceType[PooledConnection], list[Any], Changes | None] | None = None
        self._gives_back_early = pool_options.hold(self.settings_dict["OPTIONS"].get("pool")) == "transaction"
        self._pin_count = 0
        # What it let go: another thread may have it by now.
        self._let_go: tuple[ReferenceType[PooledConnection], Any, list[Any]] | None = None

    # The pool ------------------------------------------------------------------------------------------

    @property
    def pool(self) -> SharedPool | None:
        """The process's pool of this alias, made at first use; None without `OPTIONS["pool"]`."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        pool = self._connection_pools.get(self.alias)
        if pool is None:
            made = self._make_pool({} if options is True else options)
            # setdefault: of threads that race here, one wins; the others' pools were never opened.
            pool = self._connection_pools.setdefault(self.alias, made)
        return pool

    def _make_pool(self, options: dict[str, Any]) -> SharedPool:
        if self.settings_dict.get("CONN_MAX_AGE", 0) != 0:
            raise ImproperlyConfigured(
                "Pooling doesn't support persistent connections. Set CONN_MAX_AGE to 0."
            )
        # Django switches autocommit itself; SQLAlchemy gets it switched off when it borrows.
        parameters = {**self.get_connection_params(), "autocommit": True}
        parameters["application_name"] = application_name.application_name(parameters.get("application_name"))
        level = self._isolation_level()

        def configure(connection: Any) -> None:
            # Of the pool's connections, whoever borrows them: Django's own sets it on each that it gets.
            connection.isolation_level = level
            self._configure_connection(connection)  # type: ignore[attr-defined]  # not in django-stubs

        try:
            pool_options.check_hold(options)
            arguments = pool_options.pool_arguments(
                {"name": self.alias, **options},
                parameters=parameters,
                configure=configure,
                check=SharedPool.check_connection if self.settings_dict["CONN_HEALTH_CHECKS"] else None,
            )
            pool = SharedPool(**arguments)
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f'DATABASES["{self.alias}"]["OPTIONS"]["pool"]: {error}') from error
        lifecycle.adopt(pool)
        pool.share(self._slots.setdefault(self.alias, Slots(pool.max_size)))
        return pool

    def _isolation_level(self) -> IsolationLevel | None:
        """Return what OPTIONS["isolation_level"] asks for; None where the server's default holds."""
        value = self.settings_dict["OPTIONS"].get("isolation_level")
        try:
            return None if value is None else IsolationLevel(value)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"Invalid transaction isolation level {value} specified. Use one of the "
                "psycopg.IsolationLevel values."
            ) from error

    def _configure_role(self, connection: Any) -> bool:
        """Assume the role of OPTIONS["assume_role"]; return whether there is one."""
        # Django's own composes the statement through this wrapper, which waits for the very connection that
        # is being configured.
        if role := self.settings_dict["OPTIONS"].get("assume_role"):
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Literal(role)))
        return bool(role)

    # Borrowing: one request borrows once or more, so that what Django does around it counts ----------------

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Borrow from the pool; `conn_params` are for a backend without one."""
        pool = self.pool
        if pool is None:
            return super().get_new_connection(conn_params)
        self.isolation_level = self._isolation_level() or IsolationLevel.READ_COMMITTED
        # Until Django has set the connection up, and replaces this list, SQLAlchemy does not take it over.
        self.run_on_commit = _UntilConnected()
        if pool.closed:
            pool.open()
        # This method, and Django's connect() with its decorator.
        return pool.lend(borrower="django", callers_frames=3)

    def get_autocommit(self) -> bool:
        """Tell whether statements are committed one by one; atomic() begins with this question."""
        if self._let_go is not None:
            self._take_again(callers_frames=1)
        return bool(super().get_autocommit())

    def set_autocommit(
        self,
        autocommit: bool,
        force_begin_transaction_with_broken_autocommit: bool = False,
    ) -> None:
        """Switch autocommit, as Django does, which asks six times whether it may, even if nothing changes."""
        if autocommit and self._commits_each_statement() and _get_running_loop() is None:
            self.autocommit = True
            return
        self.pin()
        try:
            super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        finally:
            self.unpin()

    def _commits_each_statement(self) -> bool:
        """Tell whether the connection is one that just came from the pool, or is like it."""
        return (
            self.connection is not None
            and self.connection.autocommit
            and self.health_check_done  # type: ignore[attr-defined]  # not in django-stubs
            and not self.in_atomic_block
            and not self.run_commit_hooks_on_set_autocommit_on
        )

    # Giving it back before the request ends ---------------------------------------------------------------

    @property
    def lets_go(self) -> bool:
        """Whether a connection that nobody needs now goes back to the pool: `hold` is "transaction"."""
        return self._gives_back_early and not self._pin_count and not self.in_atomic_block

    def pin(self) -> None:
        """Keep the connection, as `hold` "request" does, until `unpin` was called as often."""
        self._pin_count += 1

    def unpin(self) -> None:
        """Undo one `pin`."""
        self._pin_count -= 1
        self.let_go()

    def let_go(self) -> None:
        """Give the connection back if no transaction and no cursor needs it, and `hold` says so."""
        connection = self.connection
        if connection is None or not self.lets_go or not isinstance(connection, PooledConnection):
            return
        # An iterator that nobody read to its end is closed as it is collected, in whatever thread that is.
        is_ours = self._thread_ident == get_ident()  # type: ignore[attr-defined]  # not in django-stubs
        if not is_ours or not self.is_idle():
            return
        # None where it was returned already.
        loan, self.connection = connection.loan, None
        try:
            if loan is not None and (parked := loan.lender.park(connection)) is not None:
                self._let_go = ref(connection), parked, self.run_on_commit
        except BaseException:
            # Interrupted: if it is still on this loan, nobody else would return it.
            if connection.loan is loan:
                connection.disconnect()
            raise

    def _take_again(self, *, callers_frames: int) -> None:
        """Take back what was let go, if nobody else has it; otherwise Django borrows one, as at first."""
        let_go, self._let_go = self._let_go, None
        if let_go is None or self.connection is not None or _get_running_loop() is not None:
            return
        (reference, loan, hooks), pool = let_go, self.pool
        connection = reference()
        # Django's close() begins another list: who closed it wants a new session.
        if connection is None or pool is None or hooks is not self.run_on_commit:
            return
        if pool.unpark(connection, loan, callers_frames=callers_frames + 1):
            self.connection = connection

    # Cursors -------------------------------------------------------------------------------------------

    def _cursor(self, name: str | None = None) -> Any:
        # Collected cursors let go at any line: not between the connection and its cursor.
        self._pin_count += 1
        try:
            if self._let_go is not None:
                # This method, and Django's cursor() with its decorator.
                self._take_again(callers_frames=3)
            return super()._cursor(name)  # type: ignore[misc]  # not in django-stubs
        finally:
            self._pin_count -= 1

    def make_cursor(self, cursor: Any) -> Any:
        """Return Django's wrapper of a cursor."""
        return Cursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> Any:
        """Return Django's wrapper of a cursor that notes what is asked."""
        return DebugCursor(cursor, self)

    @async_unsafe
    def create_cursor(self, name: str | None = None) -> Any:
        """
        Make a cursor.

        Raises:
            InterfaceError: inside a transaction that SQLAlchemy joined, somebody is in the middle of a
            statement.
        """
        if self.turns is not None and self.connection.is_busy:
            raise InterfaceError(
                "this atomic block's connection is busy with a COPY or a stream of SQLAlchemy's"
            )
        cursor = super().create_cursor(name)
        if name and isinstance(self.connection, PooledConnection):
            # Django makes this one past the connection.
            self.connection.keep(cursor)
        return cursor

    def is_idle(self) -> bool:
        """Tell whether the connection could go back to the pool now without anybody noticing."""
        return (
            self.connection is not None
            and not self.in_atomic_block
            and type(self.run_on_commit) is not _UntilConnected
            and self.autocommit
            and self.connection.pgconn.transaction_status in _AT_REST
            and not self.connection.has_open_cursor()
        )

    def hand_over(self) -> PooledConnection | None:
        """Part with the connection if Django can do without it now; `take_back` gets it again."""
        if not self.is_idle() or not isinstance(self.connection, PooledConnection):
            return None
        connection, self.connection = self.connection, None
        # Weak: whoever drops it frees its place. Django's close() and connect() begin another list.
        self._handed_over = ref(connection), self.run_on_commit, connection.changes()
        return connection

    def take_back(self, connection: PooledConnection) -> bool:
        """
        Use a connection again that was handed over: what this request did to its session is still there.

        Returns:
            False when Django has another one by now, or the request is over: it belongs to the pool.
        """
        handed_over, self._handed_over = self._handed_over, None
        if handed_over is None or handed_over[0]() is not connection:
            return False
        is_over = self.connection is not None or handed_over[1] is not self.run_on_commit
        if is_over or self._thread_ident != get_ident():  # type: ignore[attr-defined]
            return False
        if connection.lender.hand_over(connection, borrower="django"):
            # Types that a receiver of connection_created registered, for one: it is not called again.
            if (changes := handed_over[2]) is not None:
                connection.change_again(changes)
            self.connection = connection
        return True

    def close_if_unusable_or_obsolete(self) -> None:
        """Give the connection back at the end of a request, also one that was handed over."""
        self._handed_over = None
        self._let_go = None
        super().close_if_unusable_or_obsolete()

    # Transactions that SQLAlchemy joined ----------------------------------------------------------------

    def _commit(self) -> None:
        if self.turns is not None:
            with self.wrap_database_errors:
                self.turns.close_block()
            self._forget_turns(is_undone=False)
        super()._commit()  # type: ignore[misc]  # not in django-stubs

    def _rollback(self) -> None:
        # The server forgets every savepoint by itself.
        if self.turns is not None:
            self._forget_turns(is_undone=True)
        super()._rollback()  # type: ignore[misc]  # not in django-stubs

    def _forget_turns(self, *, is_undone: bool) -> None:
        turns, self.turns = self.turns, None
        if turns is not None:
            turns.note_gone(None, is_undone=is_undone)
        if isinstance(self.connection, PooledConnection):
            self.connection.before_statement = None

    def rollback(self) -> None:
        """Roll back, and say what a joined connection could not."""
        super().rollback()
        self._say_what_was_not_reported()

    def savepoint_rollback(self, sid: str) -> None:
        """Roll back to a savepoint, and say what a joined connection could not."""
        super().savepoint_rollback(sid)
        self._say_what_was_not_reported()

    def _say_what_was_not_reported(self) -> None:
        unreported, self.unreported = self.unreported, None
        # Not in place of the error that ends the block.
        if unreported is not None and sys.exc_info()[1] is None:
            raise unreported

    def _savepoint(self, sid: str) -> None:
        if self.turns is not None:
            # Of a block without a savepoint, whose end nobody hears: later, to undo it would undo this one.
            with self.wrap_database_errors:
                self.turns.close_block()
        with self._unheard():
            super()._savepoint(sid)  # type: ignore[misc]  # not in django-stubs
        if self.turns is not None:
            self.turns.note_savepoint(sid)

    def _savepoint_commit(self, sid: str) -> None:
        if self.turns is not None:
            needs_rollback = self.needs_rollback
            try:
                with self.wrap_database_errors:
                    self.turns.close_block()
                    self.turns.prepare_release(sid)
            finally:
                # Django rolls back to this savepoint; the block around it may go on.
                self.needs_rollback = needs_rollback
        with self._unheard():
            super()._savepoint_commit(sid)  # type: ignore[misc]  # not in django-stubs
        if self.turns is not None:
            self.turns.note_gone(sid, is_undone=False)

    def _savepoint_rollback(self, sid: str) -> None:
        with self._unheard():
            super()._savepoint_rollback(sid)  # type: ignore[misc]  # not in django-stubs
        if self.turns is not None:
            self.turns.note_gone(sid, is_undone=True)

    def _unheard(self) -> AbstractContextManager[None]:
        turns: Turns | None = self.turns
        return nullcontext() if turns is None else turns.unheard()

    def _close(self) -> None:
        connection = self.connection
        if not isinstance(connection, PooledConnection):
            super()._close()  # type: ignore[misc]  # not in django-stubs
            return
        try:
            if self.turns is not None:
                self._forget_turns(is_undone=True)
            self.connection = None
            # The pool that lent it, which may be closed by now; None when it was returned already.
            if (loan := connection.loan) is not None:
                with self.wrap_database_errors:
                    loan.lender.putconn(connection)
        except BaseException:
            # Interrupted: Django lets go of it all the same.
            connection.disconnect()
            raise

    def _set_autocommit(self, autocommit: bool) -> None:
        # psycopg takes a lock and a turn of its event loop to find out that nothing changes.
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]  # not in django-stubs
