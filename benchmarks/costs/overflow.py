"""
After a spike: how soon the connections above POOL_SIZE are gone.
"""

from collections.abc import Sequence
from time import perf_counter, sleep

from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.server import Server
from benchmarks.rig.sockets import SocketCount
from benchmarks.rig.warm import warm
from benchmarks.systems.contract import POOL_BOUND, POOL_SIZE
from benchmarks.systems.turnstile import Turnstile

TITLE = "After a spike"
OVERFLOW_IDLE_SECONDS = 10.0  # POOL_OVERFLOW_IDLE's default
TIMEOUT_SECONDS = 60.0


def run(server: Server) -> Sequence[Row]:
    """Return how many connections a spike opened, and the seconds until POOL_SIZE are left."""
    with SocketCount() as sockets:
        warm(Turnstile(server.url), POOL_BOUND)
        started = perf_counter()
        while sockets.now() > POOL_SIZE and perf_counter() - started < TIMEOUT_SECONDS:
            sleep(0.02)
        seconds = perf_counter() - started
    limit = OVERFLOW_IDLE_SECONDS + 2.0
    return [
        plain("connections at the peak", str(sockets.peak)),
        at_most("until POOL_SIZE are left", seconds, limit, "s"),
    ]
