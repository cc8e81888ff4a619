"""
A restart under 15 idle connections: the first request, against a plain connect to the restarted server.
"""

import statistics
from collections.abc import Sequence
from time import perf_counter

from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig import yardstick
from benchmarks.rig.server import Server
from benchmarks.rig.warm import warm
from benchmarks.rig.workload import Request
from benchmarks.systems.contract import POOL_BOUND, System
from benchmarks.systems.queuepool import PrePingQueuePool
from benchmarks.systems.turnstile import Turnstile

TITLE = "The first request after a restart with 15 stale connections"
ROUNDS = 5


def run(server: Server) -> Sequence[Row]:
    """Return medians over rounds in turn: no pool, ours, QueuePool with pre_ping."""
    ours, peer = Turnstile(server.url), PrePingQueuePool(server.url)
    times = [
        (*yardstick.after_restart(server), _first_request(server, ours), _first_request(server, peer))
        for _ in range(ROUNDS)
    ]
    connect, bare, turnstile, queuepool = map(statistics.median, zip(*times, strict=True))
    return [
        plain("one connect, no pool", f"{connect * 1e3:.1f} ms"),
        plain("one connect and a write, no pool", f"{bare * 1e3:.1f} ms"),
        plain("Turnstile's first request", f"{turnstile * 1e3:.1f} ms"),
        plain("QueuePool's (pre_ping) first request", f"{queuepool * 1e3:.1f} ms"),
        at_most("Turnstile's first request / one connect", turnstile / connect, 2.0, "x"),
    ]


def _first_request(server: Server, system: System) -> float:
    warm(system, POOL_BOUND)
    server.postgres.restart("fast")
    started = perf_counter()
    Request().run(system, 0, 0)
    return perf_counter() - started
