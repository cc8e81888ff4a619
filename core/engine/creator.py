"""
Where SQLAlchemy's connections come from: it joins, is handed one over, or waits.

One thread that uses both libraries in turn holds one connection, not two. Only code that opens a transaction
of SQLAlchemy's own inside Django's, or the reverse, needs a second one.
"""

from asyncio import _get_running_loop
from logging import INFO
from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.adapt import AdaptersMap

from core.backend.base import DatabaseWrapper
from core.engine import independence, notices
from core.engine.connection import BorrowedConnection
from core.engine.joined import BUSY, ConnectionBusy, JoinedConnection
from core.pool import SharedPool

BORROWER = "sqlalchemy"

# This module's, the engine's creator and whoever calls that, which is always SQLAlchemy or its pool.
_FRAMES = 3


def lend_to_sqlalchemy(adapters: AdaptersMap, *, is_independent: bool = False) -> BorrowedConnection:
    """
    Return a DBAPI connection for the engine.

    - Inside `transaction.atomic()`: the block's own connection, joined, unless `is_independent`.
    - When this thread's Django connection is idle: that one, handed over until it is closed.
    - Otherwise: one from the pool, first come first served.

    Raises:
        PoolTimeout, PoolClosed: as `SharedPool.lend()`.
        ConnectionBusy: the block's connection is in the middle of a statement.
    """
    wrapper = this_threads_wrapper()
    if wrapper.in_atomic_block and not is_independent and not independence.is_active():
        return _join(wrapper, adapters)
    pool = _pool_of(wrapper)
    lender: DatabaseWrapper | None = wrapper
    connection: Any = None
    try:
        if wrapper.connection is not None and wrapper.connection.lender is pool:
            connection = wrapper.hand_over()
        if connection is None or not pool.hand_over(connection, borrower=BORROWER):
            lender, connection = None, pool.lend(borrower=BORROWER, callers_frames=_FRAMES)
        # Django's connections commit each statement; SQLAlchemy expects to be in a transaction.
        connection.switch_autocommit(on=False)
        # Asked here: a call costs as much as the question.
        if notices.is_read(INFO):
            notices.listen(connection)
        return BorrowedConnection(connection, adapters, lender)
    except BaseException:
        # Interrupted: nobody else would return it.
        if connection is not None:
            connection.disconnect()
        raise


def _join(wrapper: DatabaseWrapper, adapters: AdaptersMap) -> JoinedConnection:
    wrapper.ensure_connection()
    if wrapper.connection.is_busy:
        raise ConnectionBusy(BUSY)
    return JoinedConnection(wrapper, adapters)


def this_threads_wrapper() -> DatabaseWrapper:
    """Return Django's connection object of this thread, which may hold no connection."""
    # Outside an event loop, `connections[...]` ends at a thread's own storage, but finds that out by an
    # exception for each look: this is the same storage, ten times faster.
    if _get_running_loop() is None:
        try:
            storage: Any = connections._connections._storage  # type: ignore[attr-defined]  # noqa: SLF001
            wrapper: DatabaseWrapper = getattr(storage, DEFAULT_DB_ALIAS)
        except AttributeError:  # this thread's first look makes it, and asgiref may name it otherwise
            pass
        else:
            return wrapper
    return cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])


def require_backend() -> None:
    """Raise ImproperlyConfigured when DATABASES["default"] is not `core.backend`'s."""
    if not isinstance(this_threads_wrapper(), DatabaseWrapper):
        raise _no_pool()


def shared_pool() -> SharedPool:
    """
    Return the process's pool, open.

    Raises:
        ImproperlyConfigured: DATABASES["default"] has no pool of ours.
    """
    require_backend()
    return _pool_of(this_threads_wrapper())


def _pool_of(wrapper: DatabaseWrapper) -> SharedPool:
    pool = wrapper.pool
    if pool is None:
        raise _no_pool()
    if pool.closed:
        pool.open()
    return pool


def _no_pool() -> ImproperlyConfigured:
    return ImproperlyConfigured(
        'DATABASES["default"] has no pool: '
        'use ENGINE "core.backend" with OPTIONS["pool"] (see docs/using-the-pool.md)'
    )
