"""
The matrix at a glance: what each system did over all faults, and one line for each fault.
"""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.faults import table
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.result import Result
from benchmarks.faults.results import Matrix
from benchmarks.rig import markdown
from benchmarks.systems import SYSTEMS
from benchmarks.systems.contract import POOL_BOUND

Total = Callable[[Sequence[Result]], str]

TOTALS: Mapping[str, Total] = {
    "acknowledged rows missing": lambda row: str(sum(result.rows_missing for result in row)),
    "rows written twice": lambda row: str(sum(result.rows_twice for result in row)),
    "faults that lost slots": lambda row: str(sum(result.slots_lost > 0 for result in row)),
    "faults that exceeded 15 connections": lambda row: str(
        sum(result.connections_peak > POOL_BOUND for result in row)
    ),
    "faults without full service afterwards": lambda row: str(
        sum(result.full_service_seconds is None for result in row)
    ),
    "requests failed": lambda row: f"{sum(result.failed for result in row):,}",
    "of them begun after the server was back": lambda row: f"{_late(row):,}",
    "slowest request (s)": lambda row: table.seconds(max(result.slowest_seconds for result in row)),
}


def totals(matrix: Matrix) -> str:
    """Return one line for each promise, one column for each system."""
    columns = {system: _column(matrix, system) for system in SYSTEMS}
    shown = [system for system, column in columns.items() if column]
    rows = [[name, *(total(columns[system]) for system in shown)] for name, total in TOTALS.items()]
    return markdown.table([f"over {len(matrix)} faults", *map(table.label, shown)], rows)


def overview(matrix: Matrix) -> str:
    """Return one line for each fault: failed requests and seconds to full service, for each system."""
    rows = [
        [f"[{FAULTS[name].title}](#{name})", *(_short(row.get(system)) for system in SYSTEMS)]
        for name, row in matrix.items()
    ]
    return markdown.table(["fault", *map(table.label, SYSTEMS)], rows)


def _column(matrix: Matrix, system: str) -> list[Result]:
    return [row[system] for row in matrix.values() if system in row and not row[system].crashed]


def _late(row: Sequence[Result]) -> int:
    return sum(result.failed_after_return for result in row)


def _short(result: Result | None) -> str:
    if result is None or result.crashed:
        return "not measured"
    return f"{result.failed:,} / {table.seconds(result.full_service_seconds)}"
