"""
Where SQLAlchemy's connections come from: it joins, is handed one over, or waits.

One thread that uses both libraries in turn holds one connection, not two. Only code that opens a transaction
of SQLAlchemy's own inside Django's, or the reverse, needs a second one.
"""

from asyncio import _get_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.adapt import AdaptersMap

from core.backend.base import DatabaseWrapper
from core.engine.connection import BorrowedConnection
from core.engine.joined import JoinedConnection
from core.pool import SharedPool
from core.pool.connection import PooledConnection

BORROWER = "sqlalchemy"

# This module's, the engine's creator and whoever calls that, which is always SQLAlchemy or its pool.
_FRAMES = 3

_is_independent: ContextVar[bool] = ContextVar("is_independent", default=False)


def lend_to_sqlalchemy(adapters: AdaptersMap) -> BorrowedConnection:
    """
    Return a DBAPI connection for the engine.

    - Inside `transaction.atomic()`: the block's own connection, joined.
    - When this thread's Django connection is idle: that one, handed over.
    - Otherwise: one from the pool, first come first served.

    Raises:
        PoolTimeout, PoolClosed: as `SharedPool.lend()`.
    """
    wrapper = this_threads_wrapper()
    if wrapper.in_atomic_block and not _is_independent.get():
        wrapper.ensure_connection()
        return JoinedConnection(wrapper, adapters)
    pool = _pool_of(wrapper)
    connection = wrapper.connection and _hand_over(wrapper, pool)
    if connection is None:
        connection = pool.lend(borrower=BORROWER, callers_frames=_FRAMES)
    # Django's connections commit each statement; SQLAlchemy expects to be in a transaction.
    connection.switch_autocommit(on=False)
    return BorrowedConnection(connection, adapters)


@contextmanager
def independent() -> Iterator[None]:
    """
    Let SQLAlchemy code commit on its own, even inside `transaction.atomic()`.

    It pays with a second connection: keep it for what must survive the outer rollback.
    """
    token = _is_independent.set(True)
    try:
        yield
    finally:
        _is_independent.reset(token)


def this_threads_wrapper() -> DatabaseWrapper:
    """Return Django's connection object of this thread, which may hold no connection."""
    # Outside an event loop, `connections[...]` ends at a thread's own storage, but finds that out by an
    # exception for each look: this is the same storage, ten times faster.
    if _get_running_loop() is None:
        try:
            storage: Any = connections._connections._storage  # type: ignore[attr-defined]  # noqa: SLF001
            return cast("DatabaseWrapper", getattr(storage, DEFAULT_DB_ALIAS))
        except AttributeError:  # this thread's first look makes it, and asgiref may name it otherwise
            pass
    return cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])


def shared_pool() -> SharedPool:
    """
    Return the process's pool, open.

    Raises:
        ImproperlyConfigured: DATABASES["default"] has no pool.
    """
    return _pool_of(this_threads_wrapper())


def _pool_of(wrapper: DatabaseWrapper) -> SharedPool:
    pool = wrapper.pool
    if pool is None:
        raise ImproperlyConfigured(
            'DATABASES["default"] has no pool: '
            'use ENGINE "core.backend" with OPTIONS["pool"] (see docs/using-the-pool.md)'
        )
    if pool.closed:
        pool.open()
    return pool


def _hand_over(wrapper: DatabaseWrapper, pool: SharedPool) -> PooledConnection | None:
    """Return the wrapper's connection when Django can do without it, else None."""
    if not wrapper.is_idle() or wrapper.connection.lender is not pool:
        return None
    connection: PooledConnection = wrapper.connection
    wrapper.connection = None
    return connection if pool.hand_over(connection, borrower=BORROWER) else None
