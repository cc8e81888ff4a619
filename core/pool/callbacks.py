"""
The callbacks of a pool's options: each runs here, with psycopg_pool's meaning and one addition.

What a callback leaves behind never reaches a borrower: a connection that is not at rest afterwards (in a
transaction, busy, lost, closed) is closed by the pool, as one is on which the callback raised.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq

from core.pool.connection import PooledConnection

Callback = Callable[[Any], Any]


def configure(callback: Callback, connection: PooledConnection) -> None:
    """
    Set a new connection up.

    Raises:
        ProgrammingError: it is not at rest afterwards.
        Exception: what the callback raised.
    """
    with _in_callback(connection):
        callback(connection)
    _refuse_unless_at_rest(connection, f"configure function {callback}")


def reset(callback: Callback, connection: PooledConnection) -> None:
    """
    Bring a returned connection, which is clean already, back to a state of the callback's own.

    Raises:
        ProgrammingError: it is not at rest afterwards.
        Exception: what the callback raised.
    """
    with _in_callback(connection):
        callback(connection)
    _refuse_unless_at_rest(connection, f"reset function {callback}")
    connection.restore()


def check(callback: Callback, connection: PooledConnection) -> None:
    """
    Ask whether a connection may be lent. A transaction that the callback left open is rolled back.

    Raises:
        ProgrammingError: it is not at rest afterwards, and a rollback does not help.
        Exception: what the callback raised.
    """
    with _in_callback(connection):
        callback(connection)
    if not connection.restore():
        _refuse_unless_at_rest(connection, f"check function {callback}")


@contextmanager
def _in_callback(connection: PooledConnection) -> Iterator[None]:
    """Let close() close the connection, which is not the callback's to return; end the callback's cursors."""
    connection.is_in_callback = True
    try:
        yield
    finally:
        connection.is_in_callback = False
        connection.let_go_of_cursors()


def _refuse_unless_at_rest(connection: PooledConnection, culprit: str) -> None:
    if not connection.is_at_rest:
        status = pq.TransactionStatus(connection.pgconn.transaction_status)
        where = "a pipeline" if status == pq.TransactionStatus.IDLE else f"status {status.name}"
        raise psycopg.ProgrammingError(f"connection left in {where} by {culprit}: discarded")
