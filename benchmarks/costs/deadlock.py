"""
60 threads on 15 connections, each in need of a second one while it holds the first.
"""

from collections.abc import Sequence
from time import perf_counter, sleep

from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.ledger import Ledger
from benchmarks.rig.server import Server
from benchmarks.rig.threads import crowd
from benchmarks.systems.contract import System
from benchmarks.systems.turnstile import Turnstile

TITLE = "A deadlock of 60 threads on 15 connections"
THREADS = 60
# Each thread's work with its first connection: until then nobody waits for a second.
WORK_SECONDS = 0.2


def run(server: Server) -> Sequence[Row]:
    """Return how long the slowest chosen caller waited for its error, and how many were chosen."""
    system, ledger = Turnstile(server.url), Ledger()
    waits: list[float] = []
    started = perf_counter()
    crowd(THREADS, lambda number: _nest(system, ledger, 2 * number, waits), timeout_seconds=100.0)
    seconds = perf_counter() - started
    failed = sum(bool(attempt.error) for attempt in ledger.attempts)
    return [
        plain("succeeded / failed", f"{len(ledger.attempts) - failed} / {failed} ({_names(ledger)})"),
        at_most("longest wait of a caller that was refused", max(waits, default=0.0), 0.1, "s"),
        plain("until all 60 had an answer", f"{seconds:.2f} s"),
    ]


def _nest(system: System, ledger: Ledger, writer: int, waits: list[float]) -> None:
    with ledger.attempt(writer), system.transaction(writer) as first:
        first("SELECT 1")
        sleep(WORK_SECONDS)
        asked = perf_counter()
        try:
            with system.second(independent=True) as second:
                second("SELECT 1")
        except Exception:
            waits.append(perf_counter() - asked)
            raise


def _names(ledger: Ledger) -> str:
    return ", ".join(ledger.errors()) or "nobody was refused"
