"""
Runs cells beside each other: long ones first, those that measure milliseconds last and nearly alone.

A cell that only waits to count its connections once more makes room for the next one.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from typing import IO

from benchmarks.faults import faketime
from benchmarks.faults.fault import Fault
from benchmarks.faults.result import LINGERS, Result

# A cell sleeps most of its time.
CELLS_AT_ONCE = 14
QUIET_CELLS_AT_ONCE = 3
# Idle, but each keeps a process and a server in memory, about 150 MB. Fewer would hold up the short cells.
LINGERING_CELLS_AT_ONCE = 24
# On top of what the fault itself takes: start, settling, the longest wait of a pool, the slots.
OVERHEAD_SECONDS = 120.0


@dataclass(frozen=True)
class Cell:
    """One fault on one system."""

    fault: Fault
    system: str
    later_seconds: float
    limit_seconds: float

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return self.fault.inflict_seconds + self.later_seconds


class Place:
    """What a cell takes up: a place among those that run, later one among those that linger."""

    def __init__(self, running: Semaphore, lingering: Semaphore) -> None:
        running.acquire()
        self._taken, self._lingering = running, lingering

    def linger(self) -> None:
        """Make room for the next cell, as soon as few enough linger."""
        self._lingering.acquire()
        self._taken.release()
        self._taken = self._lingering

    def leave(self) -> None:
        self._taken.release()


class Schedule:
    """Runs cells and hands over each result as it comes."""

    def __init__(self, folder: Path, on_result: Callable[[Result], None]) -> None:
        self._folder = folder
        self._on_result = on_result
        self._lock = threading.Lock()

    def run(self, cells: Iterable[Cell]) -> None:
        """Run all of them; return when the last is done."""
        ordered = sorted(cells, key=lambda cell: -cell.seconds)
        self._run_some([cell for cell in ordered if not cell.fault.needs_quiet], CELLS_AT_ONCE)
        self._run_some([cell for cell in ordered if cell.fault.needs_quiet], QUIET_CELLS_AT_ONCE)

    def _run_some(self, cells: Sequence[Cell], at_once: int) -> None:
        running, lingering = Semaphore(at_once), Semaphore(LINGERING_CELLS_AT_ONCE)
        with ThreadPoolExecutor(at_once + LINGERING_CELLS_AT_ONCE) as executor:
            # One after the other: each is submitted when there is a place for it.
            started = [executor.submit(self._run_one, cell, Place(running, lingering)) for cell in cells]
        for each in started:
            each.result()

    def _run_one(self, cell: Cell, place: Place) -> None:
        try:
            result = run_cell(cell, self._folder, place.linger)
        finally:
            place.leave()
        with self._lock:
            self._on_result(result)


def run_cell(cell: Cell, folder: Path, on_linger: Callable[[], None] = lambda: None) -> Result:
    """
    Run one cell in a process of its own; a cell that takes far too long is ended.

    `on_linger` is called when nothing is left to do but to count its connections once more.
    """
    limit = cell.seconds + cell.fault.limit_seconds + OVERHEAD_SECONDS
    with tempfile.TemporaryFile("w+") as complaint:
        process = _start(cell, folder, complaint)
        watchdog = threading.Timer(limit, _end, [process])
        watchdog.daemon = True
        watchdog.start()
        answer = _last_line(process, on_linger)
        watchdog.cancel()
        if process.returncode == -signal.SIGKILL:
            return Result(
                cell.fault.name, cell.system, crashed=f"killed: no result after {limit:.0f} s, or no memory"
            )
        complaint.seek(0)
        return _parse(cell, answer, complaint.read())


def _start(cell: Cell, folder: Path, complaint: IO[str]) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POOL_")}
    if cell.fault.faketime:
        environment |= faketime.environment(folder / f"{cell.fault.name}-{cell.system}.clock")
    return subprocess.Popen(
        _command(cell, folder),
        stdout=subprocess.PIPE,
        stderr=complaint,
        text=True,
        env=environment,
        # A group of its own: what the cell started can be ended with it.
        start_new_session=True,
    )


def _last_line(process: subprocess.Popen[str], on_linger: Callable[[], None]) -> str:
    """Return the last line that the cell prints; call `on_linger` when it says that it lingers."""
    assert process.stdout is not None
    last = ""
    with process.stdout as lines:
        for line in lines:
            if line.strip() == LINGERS:
                on_linger()
            last = line.strip() or last
    process.wait()
    return last


def _command(cell: Cell, folder: Path) -> list[str]:
    names = ["--fault", cell.fault.name, "--system", cell.system, "--later", str(cell.later_seconds)]
    limits = ["--limit", str(cell.limit_seconds), "--folder", str(folder)]
    return [sys.executable, "-m", "benchmarks.faults.cell", *names, *limits]


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _parse(cell: Cell, answer: str, complaint: str) -> Result:
    try:
        return Result.from_json(json.loads(answer))
    except ValueError:
        return Result(cell.fault.name, cell.system, crashed=complaint[-500:] or "no output")
