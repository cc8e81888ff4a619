"""
The same workload for every system: writers that insert numbered rows and note which are acknowledged.
"""

import threading
from dataclasses import dataclass
from functools import partial
from itertools import count

from benchmarks.rig.ledger import Ledger
from benchmarks.rig.pause import sleep
from benchmarks.rig.threads import Worker, join
from benchmarks.systems.contract import System

INSERT = "INSERT INTO written (writer, number) VALUES (%s, %s)"
# Between two requests of a writer; longer after a failure, so that a fast failure is not a busy loop.
PAUSE_SECONDS = 0.02
PAUSE_AFTER_FAILURE_SECONDS = 0.25


@dataclass(frozen=True)
class Request:
    """What one request does in its transaction, besides the insert."""

    hold_seconds: float = 0.0  # thinks this long, the transaction open
    statement: str = ""  # runs before the insert

    def run(self, system: System, writer: int, number: int) -> None:
        """Write the row (writer, number)."""
        with system.transaction(writer) as execute:
            if self.statement:
                execute(self.statement)
            execute(INSERT, (writer, number))
            if self.hold_seconds:
                sleep(self.hold_seconds)


class Writers:
    """Threads that write until `stop()`."""

    def __init__(
        self, system: System, ledger: Ledger, size: int, request: Request, *, first: int = 0
    ) -> None:
        self._system, self._ledger, self._request = system, ledger, request
        self._stopped = threading.Event()
        self.numbers = range(first, first + size)
        self._threads = [Worker(self._write, writer) for writer in self.numbers]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Let each writer end its request; leave those that take longer than `timeout_seconds`."""
        self._stopped.set()
        join(self._threads, timeout_seconds)

    def _write(self, writer: int) -> None:
        for number in count():
            if self._stopped.is_set():
                return
            work = partial(self._request.run, self._system, writer, number)
            succeeded = self._ledger.call(writer, work, (writer, number))
            self._stopped.wait(PAUSE_SECONDS if succeeded else PAUSE_AFTER_FAILURE_SECONDS)
