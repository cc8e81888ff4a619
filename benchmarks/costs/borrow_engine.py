"""
Borrow and return through SQLAlchemy's engine: ours against QueuePool.
"""

from collections.abc import Callable, Sequence

import sqlalchemy

from benchmarks.costs import rounds
from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.server import Server
from benchmarks.systems.queuepool import PrePingQueuePool
from benchmarks.systems.turnstile import Turnstile

TITLE = "Borrow and return through SQLAlchemy's engine"


def run(server: Server) -> Sequence[Row]:
    """Return the costs and their ratios; the pools are warm and idle."""
    engines = {
        "ours": Turnstile(server.url).engine(),
        "plain": PrePingQueuePool(server.url, pre_ping=False).engine(),
        "ping": PrePingQueuePool(server.url).engine(),
    }
    cost = rounds.microseconds({name: _borrow(engine) for name, engine in engines.items()})
    return [
        plain("core.db.get_engine()", f"{cost['ours']:.1f} µs"),
        plain("QueuePool without pre_ping", f"{cost['plain']:.1f} µs"),
        plain("QueuePool with pre_ping", f"{cost['ping']:.1f} µs"),
        at_most("get_engine() / without pre_ping", cost["ours"] / cost["plain"], 1.2, "x"),
        at_most("get_engine() / with pre_ping", cost["ours"] / cost["ping"], 0.25, "x"),
    ]


def _borrow(engine: sqlalchemy.Engine) -> Callable[[], None]:
    def borrow() -> None:
        engine.connect().close()

    return borrow
