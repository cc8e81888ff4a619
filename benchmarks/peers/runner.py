"""
Runs suites, each on either side in a process and on a server of its own, as many at once as there are cores.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from benchmarks.peers import differences, outcomes, server
from benchmarks.peers.differences import Comparison, Intention
from benchmarks.peers.inside import record
from benchmarks.peers.outcomes import Outcome
from benchmarks.peers.sources import FOLDER, ROOT, NotHere
from benchmarks.peers.suite import SIDES, Run, Side, Suite


@dataclass
class SideResult:
    """How the tests of one run ended; `trouble` says why there are not all of them, or none."""

    outcomes: dict[str, Outcome]
    seconds: float
    trouble: str = ""


@dataclass
class SuiteResult:
    """A suite on both sides; `missing` says why it could not be run at all."""

    suite: Suite
    sides: dict[Side, SideResult] = field(default_factory=dict)
    comparison: Comparison = field(default_factory=Comparison)
    missing: str = ""

    @property
    def is_as_intended(self) -> bool:
        """Whether it ran to its end on both sides, and nothing differs but what is meant to."""
        is_whole = not any(side.trouble for side in self.sides.values())
        return is_whole and not self.comparison.unexpected and not self.comparison.gone


OnSide = Callable[[Suite, Side, SideResult], None]


def run_all(suites: Sequence[Suite], intentions: Sequence[Intention], on_side: OnSide) -> list[SuiteResult]:
    """Run the suites and compare; `on_side` hears of each run as it ends."""
    beside = [suite for suite in suites if not suite.needs_quiet]
    alone = [suite for suite in suites if suite.needs_quiet]
    with ThreadPoolExecutor(os.cpu_count()) as executor:
        results = _run_some(executor, beside, intentions, on_side)
    with ThreadPoolExecutor(1) as executor:
        return results + _run_some(executor, alone, intentions, on_side)


def _run_some(
    executor: ThreadPoolExecutor, suites: Iterable[Suite], intentions: Sequence[Intention], on_side: OnSide
) -> list[SuiteResult]:
    started = [(suite, _start(executor, suite, on_side)) for suite in suites]
    results = [_collect(suite, runs) for suite, runs in started]
    for result in results:
        if not result.missing:
            _compare(executor, result, [each for each in intentions if each.suite == result.suite.name])
    return results


Runs = dict[Side, "Future[SideResult]"] | str


def _start(executor: ThreadPoolExecutor, suite: Suite, on_side: OnSide) -> Runs:
    """Submit both sides; return why not when the tests are not to be had."""
    try:
        folder = suite.source.folder()
    except NotHere as error:
        return str(error)

    def run(side: Side) -> SideResult:
        result = run_side(suite, side, folder)
        on_side(suite, side, result)
        return result

    return {side: executor.submit(run, side) for side in SIDES}


def _collect(suite: Suite, runs: Runs) -> SuiteResult:
    if isinstance(runs, str):
        return SuiteResult(suite, missing=runs)
    return SuiteResult(suite, {side: run.result() for side, run in runs.items()})


def _compare(executor: ThreadPoolExecutor, result: SuiteResult, intentions: Sequence[Intention]) -> None:
    """Compare; run the files of what is not as intended again: on a busy machine, tests of time fail."""
    first = result.comparison = _of_sides(result.sides, intentions)
    if files := _files(result.suite, first):
        folder = result.suite.source.folder()
        started = {side: executor.submit(run_side, result.suite, side, folder, files) for side in SIDES}
        again = {side: run.result() for side, run in started.items()}
        result.comparison = differences.confirm(first, _of_sides(again, intentions))


def _of_sides(sides: Mapping[Side, SideResult], intentions: Sequence[Intention]) -> Comparison:
    return differences.compare(sides["stock"].outcomes, sides["ours"].outcomes, intentions)


def _files(suite: Suite, comparison: Comparison) -> list[str]:
    tests = [*(each.test for each in comparison.unexpected), *comparison.gone]
    return sorted({suite.file_of(test) for test in tests})


def run_side(suite: Suite, side: Side, folder: Path, files: Sequence[str] = ()) -> SideResult:
    """Run a suite, or some files of it, on one side."""
    scratch = FOLDER / "runs" / f"{suite.name}-{side}{'-again' if files else ''}"
    server.remove(scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    started = monotonic()
    with server.server(scratch, suite.extensions, suite.statements) as url:
        trouble = execute(suite, Run(side, folder, url, scratch, files))
    found = outcomes.read(scratch / "record.jsonl")
    return SideResult(
        found, monotonic() - started, trouble or ("" if found else f"no test ran: see {scratch}/log")
    )


def execute(suite: Suite, run: Run) -> str:
    """Run the command of a suite to its end; return what kept it from getting there, or nothing."""
    with (run.scratch / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *suite.command(run)],
            cwd=run.folder,
            env=_environment(suite, run),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A group of its own: what the suite started ends with it.
            start_new_session=True,
        )
        try:
            process.wait(suite.limit_seconds)
        except subprocess.TimeoutExpired:
            return f"stopped after {suite.limit_seconds:g} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return f"killed by signal {-process.returncode}" if process.returncode < 0 else ""


def _environment(suite: Suite, run: Run) -> dict[str, str]:
    # Nothing that the developer's shell, or a test's plugin, would say about a database.
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "POOL_", "DJANGO_"))
    }
    ours = {
        "PYTHONPATH": str(ROOT),
        record.FILE: str(run.scratch / "record.jsonl"),
        record.TEST_SECONDS: str(suite.test_seconds),
    }
    return {**kept, **ours, **suite.environment(run)}
