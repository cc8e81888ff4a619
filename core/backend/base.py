"""
Django's side of the shared pool.

What differs from Django's own backend, on purpose: the pool behind `OPTIONS["pool"]` is a SharedPool, and a
connection can tell whether it may be handed over to SQLAlchemy, or be joined by it: `core.engine.creator`.
"""

from asyncio import _get_running_loop
from typing import Any, ClassVar, Protocol
from weakref import WeakSet

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base as postgresql
from django.utils.asyncio import async_unsafe
from psycopg import IsolationLevel, pq, sql

from core.backend import application_name, lifecycle, pool_options
from core.pool import SharedPool
from core.pool.connection import PooledConnection
from core.pool.slots import Slots

# UNKNOWN: it broke. Its place in the pool is better free than held until the request ends.
_AT_REST = {pq.TransactionStatus.IDLE, pq.TransactionStatus.UNKNOWN}


class Joined(Protocol):
    """What a connection that joined an atomic block must offer: `core.engine.joined` has one."""

    depth: int

    def end(self, *, undo: bool) -> None:
        """Leave the transaction; `undo` rolls back to the savepoint."""


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """Django's Postgres connection, borrowed from the shared pool."""

    # Of our own: Django's stock backend may serve another alias beside ours.
    _connection_pools: ClassVar[dict[str, SharedPool]] = lifecycle.connection_pools
    _slots: ClassVar[dict[str, Slots]] = lifecycle.slots

    def __init__(self, settings_dict: dict[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(settings_dict, alias)
        self._open_cursors: WeakSet[Any] = WeakSet()
        self.joined: list[Joined] = []

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
        try:
            arguments = pool_options.pool_arguments(
                {"name": self.alias, **options},
                parameters=parameters,
                configure=self._configure_connection,  # type: ignore[attr-defined]  # not in django-stubs
                check=SharedPool.check_connection if self.settings_dict["CONN_HEALTH_CHECKS"] else None,
            )
            pool = SharedPool(**arguments)
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f'DATABASES["{self.alias}"]["OPTIONS"]["pool"]: {error}') from error
        lifecycle.own_pools.add(pool)
        pool.share(self._slots.setdefault(self.alias, Slots(pool.max_size)))
        return pool

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
        if pool is None or "isolation_level" in self.settings_dict["OPTIONS"]:
            return super().get_new_connection(conn_params)
        self.isolation_level = IsolationLevel.READ_COMMITTED
        if pool.closed:
            pool.open()
        # This method, and Django's connect() with its decorator.
        return pool.lend(borrower="django", callers_frames=3)

    def set_autocommit(
        self,
        autocommit: bool,
        force_begin_transaction_with_broken_autocommit: bool = False,
    ) -> None:
        """Switch autocommit, as Django does, which asks six times whether it may, even if nothing changes."""
        if autocommit and self._commits_each_statement() and _get_running_loop() is None:
            self.autocommit = True
        else:
            super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)

    def _commits_each_statement(self) -> bool:
        """Tell whether the connection is one that just came from the pool, or is like it."""
        return (
            self.connection is not None
            and self.connection.autocommit
            and self.health_check_done  # type: ignore[attr-defined]  # not in django-stubs
            and not self.in_atomic_block
            and not self.run_commit_hooks_on_set_autocommit_on
        )

    # Cursors -------------------------------------------------------------------------------------------

    @async_unsafe
    def create_cursor(self, name: str | None = None) -> Any:
        """Make a cursor and remember it: a connection with an open cursor is not idle."""
        cursor = super().create_cursor(name)
        self._open_cursors.add(cursor)
        return cursor

    def has_open_cursor(self) -> bool:
        """Tell whether somebody may still read from, or write through, this connection."""
        return any(not cursor.closed for cursor in self._open_cursors)

    def is_idle(self) -> bool:
        """Tell whether the connection could go back to the pool now without anybody noticing."""
        return (
            self.connection is not None
            and not self.in_atomic_block
            and self.autocommit
            and self.connection.pgconn.transaction_status in _AT_REST
            and not self.has_open_cursor()
        )

    # Atomic blocks that SQLAlchemy joined ---------------------------------------------------------------

    def _commit(self) -> None:
        self._end_joined(undo=True)
        super()._commit()  # type: ignore[misc]  # not in django-stubs

    def _rollback(self) -> None:
        # The server forgets every savepoint by itself.
        self._end_joined(undo=False)
        super()._rollback()  # type: ignore[misc]  # not in django-stubs

    def _savepoint_commit(self, sid: str) -> None:
        self._end_joined(undo=True)
        super()._savepoint_commit(sid)  # type: ignore[misc]  # not in django-stubs

    def _savepoint_rollback(self, sid: str) -> None:
        self._end_joined(undo=False)
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # not in django-stubs

    def _close(self) -> None:
        while self.joined:
            self.joined[-1].end(undo=False)
        connection = self.connection
        if isinstance(connection, PooledConnection):
            self.connection = None
            # The pool that lent it, which may be closed by now; None when it was returned already.
            if connection.lender is not None:
                with self.wrap_database_errors:
                    connection.lender.putconn(connection)
        else:
            super()._close()  # type: ignore[misc]  # not in django-stubs

    def _set_autocommit(self, autocommit: bool) -> None:
        # psycopg takes a lock and a turn of its event loop to find out that nothing changes.
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]  # not in django-stubs

    def _end_joined(self, *, undo: bool) -> None:
        """
        End what SQLAlchemy left open in the block that ends now.

        Its uncommitted work is not the block's to commit: on a connection of its own it would be lost too.
        """
        depth = len(self.atomic_blocks)
        with self.wrap_database_errors:
            while self.joined and self.joined[-1].depth > depth:
                self.joined[-1].end(undo=undo)
