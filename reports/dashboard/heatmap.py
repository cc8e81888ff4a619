"""
Gates compared, hour by hour: a table whose cells are darker where more was scanned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.queries import GateHour

SHADES = 5


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One hour of one gate; `shade` is 0 for nothing, then 1 to 5 in fifths of the busiest hour."""

    scan_count: int
    shade: int


@dataclass(frozen=True, kw_only=True)
class GateRow:
    """One gate: its hours and its sums over the night."""

    gate: str
    cells: list[Cell]
    scan_count: int
    admitted_count: int
    duplicate_count: int
    refused_count: int


def gate_rows(hours: Sequence[GateHour], *, hour_count: int) -> list[GateRow]:
    """Return a row for each gate with a scan, the busiest first, ties by name."""
    busiest = max((each.scan_count for each in hours), default=0)
    gates = sorted({each.gate for each in hours})
    rows = [_row(gate, [each for each in hours if each.gate == gate], hour_count, busiest) for gate in gates]
    return sorted(rows, key=lambda row: -row.scan_count)


def _row(gate: str, own: Sequence[GateHour], hour_count: int, busiest: int) -> GateRow:
    counts = {each.hour: each.scan_count for each in own}
    return GateRow(
        gate=gate,
        cells=[_cell(counts.get(hour, 0), busiest) for hour in range(hour_count)],
        scan_count=sum(each.scan_count for each in own),
        admitted_count=sum(each.admitted_count for each in own),
        duplicate_count=sum(each.duplicate_count for each in own),
        refused_count=sum(each.refused_count for each in own),
    )


def _cell(scan_count: int, busiest: int) -> Cell:
    # Rounded up: one scan in a busy night is not nothing.
    return Cell(scan_count=scan_count, shade=-(-scan_count * SHADES // busiest) if busiest else 0)
