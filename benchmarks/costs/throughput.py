"""
The spike that took the legacy service down: 64 clients in 2 processes, a row each time.

Measured at the pool, without a web server: an engine for each write, as the legacy code had it, against the
one shared pool.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from time import sleep
from typing import NamedTuple

from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.server import Server

TITLE = "64 clients on 2 processes: an engine for each write, or one bounded pool"
PROCESSES = 2
CLIENTS_OF_A_PROCESS = 32
SECONDS = 8.0


class Outcome(NamedTuple):
    """What one way of connecting achieved."""

    per_second: float
    failed: int
    connections: int


def run(server: Server) -> Sequence[Row]:
    """Return requests per second, failures and connections of both ways."""
    legacy, pool = (_spike(server, name) for name in ("engine_per_write", "turnstile"))
    ratio = legacy.per_second / pool.per_second
    return [
        _row("an engine for each write", legacy),
        _row("one bounded pool in each process", pool),
        at_most("engine for each write / bounded pool", ratio, 0.5, "x"),
    ]


def _row(name: str, outcome: Outcome) -> Row:
    counts = f"{outcome.failed:,} failed, {outcome.connections} connections"
    return plain(name, f"{outcome.per_second:,.0f} writes/s, {counts}")


def _spike(server: Server, system: str) -> Outcome:
    clients = [_start(server, system, number) for number in range(PROCESSES)]
    connections = 0
    while any(client.poll() is None for client in clients):
        connections = max(connections, _connections(server))
        sleep(0.2)
    answers = [json.loads(client.communicate()[0]) for client in clients]
    served = sum(answer["served"] for answer in answers)
    return Outcome(served / SECONDS, sum(answer["failed"] for answer in answers), connections)


def _connections(server: Server) -> int:
    try:
        return int(server.ask("SELECT count(*) FROM pg_stat_activity WHERE usename = 'writer'")[0])
    except subprocess.CalledProcessError:
        return 0  # so full that not even the administrator gets in: the next look counts


def _start(server: Server, system: str, number: int) -> subprocess.Popen[str]:
    who = [system, server.url, str(number * 1000), str(CLIENTS_OF_A_PROCESS), str(SECONDS)]
    command = [sys.executable, "-m", "benchmarks.costs.clients", *who]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
