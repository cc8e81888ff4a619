"""
The door to the database for everything that is not the Django ORM. No other module opens a connection.

Legacy code calls `get_engine()` where it used to call create_engine(), and shares the process's one pool
with the ORM: see docs/adr/0001-one-shared-pool.md.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, cast

import psycopg
import sqlalchemy
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import sql
from sqlalchemy import event
from sqlalchemy.orm import Session

from core import activity
from core.activity import Backend, Holder
from core.backend.base import DatabaseWrapper
from core.diagnosis import (
    Diagnosis,
    diagnose,
    has_lost_plan,
    is_unavailable,
    log_503,
    unavailable_reason,
)
from core.engine import dialect
from core.engine.copying import encode_rows
from core.engine.creator import lend_to_sqlalchemy, require_backend, shared_pool
from core.engine.first_connect import FirstConnect
from core.engine.independence import Independent
from core.engine.pool import EnginePool
from core.engine.streaming import stream_texts
from core.pool import liveness
from core.pool.classes import run_as, run_until
from core.pool.connection import DRIVER, PooledConnection
from core.pool.sqlstates import Reason
from core.pool.stats import PoolStats

__all__ = [
    "Connection",
    "Diagnosis",
    "DriverError",
    "Reason",
    "borrowed",
    "check_writes",
    "copy_encoded",
    "copy_rows",
    "diagnose",
    "encode_rows",
    "get_engine",
    "get_independent_engine",
    "get_session",
    "has_lost_plan",
    "independent",
    "is_unavailable",
    "log_503",
    "ping",
    "pinned",
    "pool_holders",
    "pool_stats",
    "run_as",
    "run_until",
    "server_connections",
    "stream_texts",
    "unavailable_reason",
]

# What `borrowed` lends.
Connection = PooledConnection
# What ping() raises: modules outside core do not name the driver.
DriverError = psycopg.Error

_engine: sqlalchemy.Engine | None = None
_independent_engine: sqlalchemy.Engine | None = None
_engine_lock = threading.Lock()


def get_engine() -> sqlalchemy.Engine:
    """
    Return the process's one SQLAlchemy engine.

    Inside `transaction.atomic()` its connections join that transaction; `independent()` is the way out.

    Raises:
        ImproperlyConfigured: DATABASES["default"] is not `core.backend`'s.
    """
    global _engine  # noqa: PLW0603 - one engine for the life of the process
    if _engine is None:
        with _engine_lock:
            if _engine is None:
                _engine = _make_engine()
    return _engine


def get_independent_engine() -> sqlalchemy.Engine:
    """
    Return the process's engine whose connections never join `transaction.atomic()`: they commit on their own.

    It borrows from the same pool as `get_engine()`; inside a block that costs a second connection.
    """
    global _independent_engine  # noqa: PLW0603 - one for the life of the process
    with _engine_lock:
        if _independent_engine is None:
            _independent_engine = _make_engine(is_independent=True)
        return _independent_engine


@contextmanager
def independent() -> Iterator[sqlalchemy.Engine]:
    """
    Let the SQLAlchemy code in this block commit on its own, even inside `transaction.atomic()`.

    It holds for the code in the block while that runs, and for nobody to whom a generator, a thread or a task
    could carry it. The engine that it gives holds wherever it is used. A second connection is what it costs.
    """
    with Independent():
        yield get_independent_engine()


@contextmanager
def pinned(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """
    Let the ORM keep one connection in this block: what it sets for its session is there until the end.

    With `OPTIONS["pool"]["hold"]` "transaction" the ORM gives its connection back after each transaction, and
    each statement outside of one. Temporary tables, session advisory locks, SET and LISTEN need this block.

    Raises:
        ImproperlyConfigured: `using` is not `core.backend`'s.
    """
    wrapper = connections[using]
    if not isinstance(wrapper, DatabaseWrapper):
        raise ImproperlyConfigured(f'DATABASES["{using}"] is not core.backend\'s: nothing to keep')
    wrapper.pin()
    try:
        yield
    finally:
        wrapper.unpin()


def _renew_locks() -> None:
    # A forked child: they may be held by a thread that the child does not have.
    global _engine_lock  # noqa: PLW0603
    _engine_lock = threading.Lock()
    for engine in (_engine, _independent_engine):
        if engine is not None:
            cast("EnginePool", engine.pool).renew_locks()


os.register_at_fork(after_in_child=_renew_locks)


def _make_engine(*, is_independent: bool = False) -> sqlalchemy.Engine:
    require_backend()

    # With an argument SQLAlchemy calls it as it is; without, through a wrapper of its own.
    def lend(_record: Any = None) -> Any:
        adapters = engine.dialect.adapters  # type: ignore[attr-defined]
        return lend_to_sqlalchemy(adapters, is_independent=is_independent)

    engine = sqlalchemy.create_engine(
        f"{dialect.NAME}://",
        creator=lend,
        poolclass=EnginePool,
        # The pool rolls back what is open; a joined connection must tell a rollback from an end.
        pool_reset_on_return=None,
        # By `FirstConnect`: SQLAlchemy's own cannot begin again in a forked child.
        _initialize=False,
    )
    event.listen(engine, "connect", FirstConnect(engine))
    return engine


def get_session() -> Session:
    """Return a new session on the engine; use it in a `with` block and commit."""
    return Session(get_engine())


def copy_rows(
    connection: sqlalchemy.Connection,
    table: str,
    *,
    columns: Mapping[str, str],
    rows: Iterable[Sequence[Any]],
) -> None:
    """
    Add `rows` to `table` with COPY, in the transaction of `connection`.

    `columns` names each column's Postgres type, in the order of a row's values.

    Raises:
        DriverError: a row does not fit.
    """
    copy_encoded(connection, table, columns=columns, encoded=encode_rows(columns.values(), rows))


def copy_encoded(
    connection: sqlalchemy.Connection, table: str, *, columns: Iterable[str], encoded: Iterable[bytes]
) -> None:
    """
    Add to `table` what `encode_rows` made, as `copy_rows` does.

    Raises:
        DriverError: a row does not fit.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), names)
    # As execute() does; otherwise a rollback would know of no transaction, and undo nothing.
    if not connection.in_transaction():
        connection.begin()
    # SQLAlchemy's own cursor: of a joined connection it opens the savepoint.
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(statement) as copy:
        for block in encoded:
            copy.write(block)


@contextmanager
def borrowed() -> Iterator[PooledConnection]:
    """
    Lend a connection of the pool as it is, psycopg's, to a hot path that needs neither library.

    It joins no transaction: in a thread that is inside `transaction.atomic()` it is a second connection. What
    is not committed at the end of the block is rolled back.

    Raises:
        PoolTimeout, PoolClosed: as `SharedPool.lend()`.
    """
    pool = shared_pool()
    # Not this frame, nor contextlib's: who borrows is who begins the block.
    connection = pool.lend(borrower=DRIVER, callers_frames=2)
    try:
        connection.switch_autocommit(on=False)
        yield connection
    finally:
        pool.putconn(connection)


def pool_stats() -> PoolStats:
    """Return one consistent snapshot of the shared pool."""
    return shared_pool().stats()


def pool_holders() -> list[Holder]:
    """Return every open connection of this process, those in use first, the longest held first."""
    return activity.holders(shared_pool())


def server_connections() -> list[Backend]:
    """Return every client connection to this database, of all processes, as Postgres sees them."""
    return activity.backends(get_engine())


def ping(timeout: float) -> float:
    """
    Ask the database for a sign of life, through the pool: checkout and statement within `timeout` seconds.

    Returns:
        The milliseconds that the statement took.

    Raises:
        psycopg.OperationalError: no connection came free, or no answer came, in time.
    """
    with _lent_for(timeout) as (connection, time_left):
        return liveness.ping(connection, timeout=time_left)


def check_writes(timeout: float) -> float:
    """
    Ask whether the database takes writes, through the pool, within `timeout` seconds; nothing is stored.

    Returns:
        The milliseconds that the statements took.

    Raises:
        psycopg.errors.ReadOnlySqlTransaction: it takes none; the pool is emptied, as after a refused write.
        psycopg.errors.DiskFull: where its tables are, there is no room.
        psycopg.OperationalError: no connection came free, or no answer came, in time.
    """
    with _lent_for(timeout) as (connection, time_left):
        return liveness.check_writes(connection, timeout=time_left)


@contextmanager
def _lent_for(timeout: float) -> Iterator[tuple[PooledConnection, float]]:
    """Lend a connection to a question about the database's health, with what is left of its time."""
    deadline = monotonic() + timeout
    pool = shared_pool()
    connection = pool.lend(borrower="health", timeout=timeout)
    try:
        yield connection, deadline - monotonic()
    finally:
        pool.putconn(connection)
