"""
The server's notices in SQLAlchemy's own log, where its psycopg dialect puts them, too.

A handler is on the connection only while SQLAlchemy has it, and only where somebody reads that log: to take
it off again costs time at each return.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import ref

from core.pool.connection import PooledConnection

logger = logging.getLogger("sqlalchemy.dialects.postgresql")
is_read = logger.isEnabledFor


class _Listener:
    """Logs what the server says; of several on one connection, that joined one block, the first does."""

    def __init__(self, connection: PooledConnection) -> None:
        # Weak: it is on the connection, which must not keep itself alive.
        self._connection = ref(connection)

    def __call__(self, diagnostic: Any) -> None:
        connection = self._connection()
        handlers = () if connection is None else connection.notice_handlers
        if next((each for each in handlers if isinstance(each, _Listener)), None) is self:
            logger.info("%s: %s", diagnostic.severity, diagnostic.message_primary)


def listen(connection: PooledConnection) -> Callable[[], None]:
    """Log what the server says on `connection` from now on; return what ends that."""
    listener = _Listener(connection)
    connection.add_notice_handler(listener)

    def stop() -> None:
        # The pool takes all handlers off at a return.
        with suppress(ValueError):
            connection.remove_notice_handler(listener)

    return stop
