"""
Where a fault happens: the server, the wire, the system, its writers, and the marks of when what happened.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from benchmarks.rig.ledger import Ledger
from benchmarks.rig.pause import sleep
from benchmarks.rig.server import Server
from benchmarks.rig.sockets import SocketCount
from benchmarks.rig.wire import Wire
from benchmarks.rig.workload import Request, Writers
from benchmarks.systems.contract import System

# Writers run this long before a fault, and a request may take this long to be called healthy.
STEADY_SECONDS = 1.0
# Nothing failed for so long: the service is back.
CALM_SECONDS = 3.0


@dataclass
class Scene:
    """One cell while it runs. `returned_at` is when the fault was over and the server could serve."""

    system_name: str
    system: System
    server: Server
    ledger: Ledger
    sockets: SocketCount
    make_writers: Callable[[], Writers]
    request: Request
    wire: Wire | None = None
    broken_at: float = 0.0
    returned_at: float = 0.0
    writers: Writers | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def start_writers(self, *, steady: bool = True) -> None:
        """Start the workload; return when it has run for a moment."""
        self.writers = self.make_writers()
        self.writers.start()
        if steady:
            sleep(STEADY_SECONDS)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Mark when the fault began and when it was over."""
        self.broken_at = monotonic()
        yield
        self.returned_at = monotonic()

    def wire_now(self) -> Wire:
        """Return the wire; a fault that asks for it is declared `over_wire`."""
        assert self.wire is not None
        return self.wire

    def first_request(self) -> None:
        """Send one request alone, and note how long it took and whether it succeeded."""
        work = lambda: self.request.run(self.system, -1, 0)
        succeeded = self.ledger.call(-1, work, (-1, 0))
        self.facts["first_request_seconds"] = self.ledger.attempts[-1].seconds
        self.facts["first_request_succeeded"] = succeeded

    def settle(self, limit_seconds: float) -> None:
        """Wait until every writer is served again and nothing fails, `limit_seconds` at most."""
        deadline = monotonic() + limit_seconds
        while monotonic() < deadline and not self._is_calm():
            sleep(0.1)

    def _is_calm(self) -> bool:
        now, since = monotonic(), self.returned_at
        recent = [attempt for attempt in list(self.ledger.attempts) if attempt.ended_at >= since]
        last_failure = max((attempt.ended_at for attempt in recent if attempt.error), default=since)
        served = {attempt.writer for attempt in recent if not attempt.error}
        everybody = set(self.writers.numbers) if self.writers else set()
        is_waiting = self.ledger.running_since(now - CALM_SECONDS)
        return everybody <= served and now - last_failure > CALM_SECONDS and not is_waiting
