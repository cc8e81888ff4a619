"""
Is a connection alive? Asked with a deadline, whatever the network does.
"""

from time import monotonic

import psycopg
from psycopg import generators, pq
from psycopg.errors import error_from_result

from core.connection import PooledConnection


class NoAnswer(psycopg.OperationalError):
    """
    The server did not answer in time. The connection is still busy: discard it.
    """


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
