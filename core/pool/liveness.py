"""
Is a connection alive? Asked without a round trip where that is enough, and with a deadline where it is not.
"""

from time import monotonic

import psycopg
from psycopg import generators, pq
from psycopg.errors import error_from_result

from core.pool.connection import PooledConnection


class NoAnswer(psycopg.OperationalError):
    """
    The server did not answer in time. The connection is still busy: discard it.
    """


def survives(connection: PooledConnection, *, timeout: float) -> bool:
    """
    Read what an idle connection was sent, unasked: a goodbye, a notice, or a notification.

    Only after a notice the server is asked for a sign of life, and has `timeout` seconds to answer.
    """
    try:
        connection.pgconn.consume_input()
        _drop_notifications(connection)
    except psycopg.Error:
        return False
    return answers(connection, timeout=timeout)


def answers(connection: PooledConnection, *, timeout: float) -> bool:
    """Tell whether the server answers `SELECT 1` within `timeout` seconds."""
    try:
        ping(connection, timeout=timeout)
    except psycopg.Error:
        return False
    return True


def ping(connection: PooledConnection, *, timeout: float) -> float:
    """
    Run `SELECT 1` and wait `timeout` seconds at most.

    Returns:
        The milliseconds it took.

    Raises:
        NoAnswer: no answer in time.
        psycopg.Error: the connection is lost.
    """
    started = monotonic()
    connection.pgconn.send_query(b"SELECT 1")
    try:
        results = connection.wait(generators.execute(connection.pgconn), timeout=max(0.001, timeout))
    except psycopg.errors._WaitTimeout:  # noqa: SLF001 - psycopg is pinned
        raise NoAnswer(f"no answer after {timeout * 1000:.0f} ms") from None
    if results[-1].status != pq.ExecStatus.TUPLES_OK:
        raise error_from_result(results[-1])
    return (monotonic() - started) * 1000


def _drop_notifications(connection: PooledConnection) -> None:
    # Whoever listened has given the connection back: nobody will read them.
    while connection.pgconn.notifies():
        pass
