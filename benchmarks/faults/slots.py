"""
How many of the pool's connections can be borrowed at once: what is missing is lost.
"""

import threading
from time import monotonic

from benchmarks.rig.pause import sleep
from benchmarks.rig.threads import crowd
from benchmarks.systems.contract import POOL_BOUND, System


class Hold:
    """Borrowers who all keep a working connection until everybody has one, or the time is up."""

    def __init__(self, system: System, timeout_seconds: float) -> None:
        self._system = system
        self._deadline = monotonic() + timeout_seconds
        self._lock = threading.Lock()
        self._everybody = threading.Event()
        self.held = 0

    def borrow(self, number: int) -> None:
        """Try until it works: a stale connection that fails makes room for a good one."""
        while monotonic() < self._deadline and not self._everybody.is_set():
            try:
                self._keep(number)
            except Exception:
                sleep(0.05)
            else:
                return

    def _keep(self, number: int) -> None:
        with self._system.transaction(number) as execute:
            execute("SELECT 1")
            with self._lock:
                self.held += 1
                if self.held == POOL_BOUND:
                    self._everybody.set()
            self._everybody.wait(max(0.0, self._deadline - monotonic()))


def hold_at_once(system: System, timeout_seconds: float) -> int:
    """Return how many connections could be held at the same time."""
    hold = Hold(system, timeout_seconds)
    crowd(POOL_BOUND, hold.borrow, timeout_seconds + 1.0)
    return hold.held
