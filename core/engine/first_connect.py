"""
What SQLAlchemy does with an engine's first connection: its dialect learns what the server can do.

SQLAlchemy's own listener notes that it begins, and does nothing from then on: in a child that another thread
forks meanwhile, the dialect would never learn it.
"""

from typing import Any

import sqlalchemy
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.pool.base import _AdhocProxiedConnection


class FirstConnect:
    """
    A listener to the `connect` event that initialises the dialect of `engine` once.

    SQLAlchemy holds a lock while it runs for the first time.
    """

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self._engine = engine
        self._is_done = False

    def __call__(self, connection: Any, record: ConnectionPoolEntry) -> None:
        if self._is_done:
            return
        dialect, bare = self._engine.dialect, _bare(self._engine, connection, record)
        dialect.initialize(bare)
        dialect.do_rollback(bare.connection)
        self._is_done = True


def _bare(engine: sqlalchemy.Engine, connection: Any, record: ConnectionPoolEntry) -> sqlalchemy.Connection:
    """Return SQLAlchemy's connection over one that nobody has checked out, as its own listener uses it."""
    return sqlalchemy.Connection(
        engine,
        connection=_AdhocProxiedConnection(connection, record),
        _has_events=False,
        _allow_revalidate=False,
        _allow_autobegin=False,
    )
