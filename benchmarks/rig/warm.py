"""
Connections that are open and idle before a measurement begins.
"""

from threading import Barrier

from benchmarks.rig.threads import crowd
from benchmarks.systems.contract import System

BARRIER_SECONDS = 10.0


def warm(system: System, size: int) -> None:
    """Open `size` connections by holding them all at once, and return them."""
    if size:
        everybody = Barrier(size)
        crowd(size, lambda number: _hold(system, number, everybody), timeout_seconds=20.0)


def _hold(system: System, number: int, everybody: Barrier) -> None:
    with system.transaction(number) as execute:
        execute("SELECT 1")
        everybody.wait(BARRIER_SECONDS)
