"""
One cell of the comparison: a system, so many clients, a few seconds, once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg

from benchmarks.spike import load
from benchmarks.spike.service import Service

CLIENTS = (1, 16, 64, 256, 512, 2000)
SECONDS = 4.0
# It fills pools and caches, and is not counted.
WARM_SECONDS = 1.0
SAMPLE_SECONDS = 0.1
# A service that failed may work on what is left for as long.
SETTLE_SECONDS = 20.0
# Each part of a cell shows tickets of its own. Nobody here validates more of them meanwhile.
WARM_TICKETS = 25_000
TICKETS = 150_000
_EMPTY = "TRUNCATE ticket_scans, admissions, invalid_attempts, analytics_stats"
_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_BUSY = f"{_CONNECTIONS} AND state <> 'idle'"
# What one transaction stored has one xmin.
_STORED = "SELECT count(*), count(DISTINCT CAST(CAST(xmin AS text) AS bigint)) FROM ticket_scans"


@dataclass(frozen=True)
class Round:
    """
    What one round showed.

    Attributes:
        rate: validations with a good answer, a second.
        p50, p99: milliseconds until an answer.
        failed: other answers, and none within 5 s.
        connections: the most that Postgres had at a moment.
        python, postgres: CPU milliseconds for each validation; PgBouncer counts as Python.
        memory: MiB of the service.
        per_commit: scans of one transaction, on average; 0 where none was stored.
    """

    rate: float
    p50: float
    p99: float
    failed: int
    connections: int
    python: float
    postgres: float
    memory: float
    per_commit: float

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return asdict(self)


def measure(service: Service, clients: int, tickets: Path) -> Round:
    """Measure a running system, on empty tables."""
    with psycopg.connect(service.url, autocommit=True) as watcher:
        load.send(service.port, clients, WARM_SECONDS, tickets=tickets, first=0)
        empty(watcher)
        before = service.cpu_seconds()
        with _most_connections(watcher) as most:
            seen = load.send(service.port, clients, SECONDS, tickets=tickets, first=WARM_TICKETS)
        python, postgres = (
            (now - then) / max(1, seen.good) * 1000
            for now, then in zip(service.cpu_seconds(), before, strict=True)
        )
        stored, commits = watcher.execute(_STORED).fetchone() or (0, 0)
        return Round(
            rate=seen.good / seen.seconds,
            p50=seen.p50,
            p99=seen.p99,
            failed=seen.failed,
            connections=most[0],
            python=python,
            postgres=postgres,
            memory=service.memory_bytes() / 2**20,
            per_commit=stored / commits if commits else 0.0,
        )


def connections(watcher: "psycopg.Connection[Any]") -> int:
    """Return how many connections to the database there are, without the watcher's own."""
    row = watcher.execute(_CONNECTIONS).fetchone()
    return row[0] if row else 0


def empty(connection: "psycopg.Connection[Any]") -> None:
    """Empty the tables, once those who have sent something before are done."""
    deadline = monotonic() + SETTLE_SECONDS
    while connection.execute(_BUSY).fetchone() != (0,) and monotonic() < deadline:
        sleep(SAMPLE_SECONDS)
    while True:
        try:
            connection.execute(_EMPTY)
        except psycopg.errors.DeadlockDetected:
            continue
        break
    connection.execute("CHECKPOINT")


@contextmanager
def _most_connections(watcher: "psycopg.Connection[Any]") -> Iterator[list[int]]:
    """Count the connections of the service while the block runs."""
    most, is_over = [0], threading.Event()

    def watch() -> None:
        while not is_over.wait(SAMPLE_SECONDS):
            most[0] = max(most[0], connections(watcher))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        is_over.set()
        thread.join()
