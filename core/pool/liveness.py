"""
Is a connection alive? Asked without a round trip where that is enough, and with a deadline where it is not.

And can its server take writes?
"""

from time import monotonic
from typing import Any

import psycopg
from psycopg import generators, pq
from psycopg.errors import error_from_result

from core.pool.connection import PooledConnection

# More than work_mem holds goes to a file, on the disk of the database's tables. It takes no table, no
# privilege, no lock, no WAL, and is gone with the statement.
_WRITE = b"""
    SELECT current_setting('transaction_read_only');
    SET LOCAL work_mem = '64kB';
    SET LOCAL temp_tablespaces = '';
    WITH written AS MATERIALIZED (SELECT repeat('x', 8192) FROM generate_series(1, 16))
    SELECT count(*) FROM written
"""
# `temp_file_limit` allows less than that: it tells nothing about the disk.
_LIMITED = b"53400"
_SQLSTATE = pq.DiagnosticField.SQLSTATE


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
    last = _ask(connection, b"SELECT 1", timeout=timeout)[-1]
    if last.status != pq.ExecStatus.TUPLES_OK:
        raise error_from_result(last)
    return (monotonic() - started) * 1000


def check_writes(connection: PooledConnection, *, timeout: float) -> float:
    """
    Find out whether the server takes writes, and wait `timeout` seconds at most; nothing is kept.

    Returns:
        The milliseconds it took.

    Raises:
        ReadOnlySqlTransaction: the server takes none; as after a refused write, the pool may be on a standby.
        DiskFull: there is no room for 128 kB where the database's tables are.
        NoAnswer: no answer in time.
        psycopg.Error: the connection is lost, or the server has another reason.
    """
    started = monotonic()
    answers = _ask(connection, _WRITE, timeout=timeout)
    first, last = answers[0], answers[-1]
    if first.status == pq.ExecStatus.TUPLES_OK and first.get_value(0, 0) == b"on":
        connection.met_read_only = True
        raise psycopg.errors.ReadOnlySqlTransaction("the server takes no writes")
    if last.status != pq.ExecStatus.TUPLES_OK and last.error_field(_SQLSTATE) != _LIMITED:
        raise error_from_result(last)
    return (monotonic() - started) * 1000


def _ask(connection: PooledConnection, statements: bytes, *, timeout: float) -> list[Any]:
    connection.pgconn.send_query(statements)
    try:
        answers: list[Any] = connection.wait(
            generators.execute(connection.pgconn), timeout=max(0.001, timeout)
        )
    except psycopg.errors._WaitTimeout:  # noqa: SLF001 - psycopg is pinned
        raise NoAnswer(f"no answer after {timeout * 1000:.0f} ms") from None
    return answers


def _drop_notifications(connection: PooledConnection) -> None:
    # Whoever listened has given the connection back: nobody will read them.
    while connection.pgconn.notifies():
        pass
