"""
The measure for a recovery: what connecting and writing costs without any pool, on this server, in this run.
"""

import statistics
from time import monotonic
from typing import Any

import psycopg

from benchmarks.rig.server import Server
from benchmarks.rig.workload import INSERT

RESTARTS = 3
CONNECTS = 9


def measure(server: Server) -> dict[str, float]:
    """
    Return the medians, in seconds.

    - connect_seconds: one connect to a server that runs for a while.
    - cold_connect_seconds: the first connect after a restart: the server reads its catalogue again.
    - cold_request_seconds: the same, with the first write and its commit.
    """
    warm = statistics.median(_connect(server.url)[0] for _ in range(CONNECTS))
    cold = [after_restart(server) for _ in range(RESTARTS)]
    connects, requests = zip(*cold, strict=True)
    return {
        "connect_seconds": warm,
        "cold_connect_seconds": statistics.median(connects),
        "cold_request_seconds": statistics.median(requests),
    }


def after_restart(server: Server) -> tuple[float, float]:
    """Restart, connect and write; return the seconds of the connect, and of both."""
    server.postgres.restart("fast")
    return _connect(server.url)


def _connect(url: str) -> tuple[float, float]:
    started = monotonic()
    with psycopg.connect(url) as connection:
        connected = monotonic() - started
        _write(connection)
    return connected, monotonic() - started


def _write(connection: psycopg.Connection[Any]) -> None:
    # A row of nobody's: no ledger knows this writer.
    connection.execute(INSERT, (-2, 0))
    connection.execute("DELETE FROM written WHERE writer = -2")
    connection.commit()
