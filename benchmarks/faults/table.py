"""
How a number of the matrix is shown, on the terminal and in the document.
"""

from collections.abc import Callable, Mapping

from benchmarks.faults.result import LATER_SECONDS, Result
from benchmarks.systems import SYSTEMS
from benchmarks.systems.contract import POOL_BOUND

NEVER = "never"


def seconds(value: float | None) -> str:
    """Return `value` with the digits that matter, or "never"."""
    if value is None:
        return NEVER
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"


def _count(value: int) -> str:
    return f"{value:,}"


def _peak(result: Result) -> str:
    peak = result.connections_peak
    return f"**{peak}**" if peak > POOL_BOUND else str(peak)


def _later(result: Result) -> str:
    """Return the second count of connections; with its instant when the cell was cut short."""
    count = str(result.connections_later)
    is_cut = result.later_seconds != LATER_SECONDS
    return f"{count} after {result.later_seconds:g} s" if is_cut else count


COLUMNS: Mapping[str, Callable[[Result], str]] = {
    "requests": lambda result: _count(result.requests),
    "failed": lambda result: _count(result.failed),
    "of them begun after the return": lambda result: _count(result.failed_after_return),
    "no answer": lambda result: _count(result.hanging),
    "slowest (s)": lambda result: seconds(result.slowest_seconds),
    "first success (s)": lambda result: seconds(result.first_success_seconds),
    "full service (s)": lambda result: seconds(result.full_service_seconds),
    "connections, peak": _peak,
    f"{LATER_SECONDS:g} s later": _later,
    "slots lost": lambda result: str(result.slots_lost),
    "rows missing": lambda result: str(result.rows_missing),
    "rows twice": lambda result: str(result.rows_twice),
}


def cells(result: Result) -> list[str]:
    """Return the values of a result, in the order of COLUMNS."""
    return [show(result) for show in COLUMNS.values()]


def heading() -> str:
    """Return the terminal's column heads."""
    return f"{'fault':<26}{'system':<24}" + " ".join(f"{name[:10]:>10}" for name in COLUMNS)


def line(result: Result) -> str:
    """Return one result as a line of the terminal."""
    start = f"{result.fault:<26}{result.system:<24}"
    if result.crashed:
        return f"{start}crashed: {result.crashed.strip().splitlines()[-1]}"
    return start + " ".join(f"{value[:10]:>10}" for value in cells(result))


def label(system: str) -> str:
    """Return a system's name in the document."""
    return SYSTEMS[system].label
