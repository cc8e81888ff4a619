"""
Runs cells beside each other: long ones first, those that measure milliseconds last and nearly alone.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults import faketime
from benchmarks.faults.fault import Fault
from benchmarks.faults.result import Result

# A cell sleeps most of its time.
CELLS_AT_ONCE = 14
QUIET_CELLS_AT_ONCE = 3
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
        with ThreadPoolExecutor(at_once) as executor:
            list(executor.map(self._run_one, cells))

    def _run_one(self, cell: Cell) -> None:
        result = run_cell(cell, self._folder)
        with self._lock:
            self._on_result(result)


def run_cell(cell: Cell, folder: Path) -> Result:
    """Run one cell in a process of its own; a cell that takes far too long is ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POOL_")}
    if cell.fault.faketime:
        environment |= faketime.environment(folder / f"{cell.fault.name}-{cell.system}.clock")
    process = subprocess.Popen(
        _command(cell, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A group of its own: what the cell started can be ended with it.
        start_new_session=True,
    )
    limit = cell.seconds + cell.fault.limit_seconds + OVERHEAD_SECONDS
    try:
        answer, complaint = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _end(process)
        return Result(cell.fault.name, cell.system, crashed=f"no result after {limit:.0f} s")
    return _parse(cell, answer, complaint)


def _command(cell: Cell, folder: Path) -> list[str]:
    names = ["--fault", cell.fault.name, "--system", cell.system, "--later", str(cell.later_seconds)]
    limits = ["--limit", str(cell.limit_seconds), "--folder", str(folder)]
    return [sys.executable, "-m", "benchmarks.faults.cell", *names, *limits]


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _parse(cell: Cell, answer: str, complaint: str) -> Result:
    try:
        return Result.from_json(json.loads(answer.strip().splitlines()[-1]))
    except (IndexError, ValueError):
        return Result(cell.fault.name, cell.system, crashed=complaint[-500:] or "no output")
