"""
A borrow by the gates while staff hold all that they may have, against an idle pool.
"""

from collections.abc import Callable, Sequence

from benchmarks.costs import rounds
from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.server import Server
from core.pool import SharedPool
from core.pool.classes import run_as

TITLE = "A borrow by the gates, while 12 of 15 connections are stuck with staff"
STUCK = 12
CLASSES = {"gate": {"timeout": 2}, "staff": {"places": STUCK, "timeout": 5}, "batch": {"places": 5}}


def run(server: Server) -> Sequence[Row]:
    """Return the costs of a borrow and return, and their ratio."""
    pools = {name: _pool(server) for name in ("idle", "stuck")}
    stuck = [run_as("staff", pools["stuck"].lend, borrower="benchmark") for _ in range(STUCK)]
    try:
        cost = rounds.microseconds({name: _borrow(pool) for name, pool in pools.items()})
    finally:
        for connection in stuck:
            pools["stuck"].putconn(connection)
        for pool in pools.values():
            pool.close()
    return [
        plain("on an idle pool", f"{cost['idle']:.1f} µs"),
        plain("while 12 are stuck", f"{cost['stuck']:.1f} µs"),
        at_most("stuck / idle", cost["stuck"] / cost["idle"], 1.05, "x"),
    ]


def _pool(server: Server) -> SharedPool:
    pool = SharedPool(server.url, min_size=15, max_size=15, classes=CLASSES, open=True)
    pool.wait()
    return pool


def _borrow(pool: SharedPool) -> Callable[[], None]:
    def borrow() -> None:
        pool.putconn(run_as("gate", pool.lend, borrower="benchmark"))

    return borrow
