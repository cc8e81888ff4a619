"""
Memory of a report: a million rows against ten thousand, each in a process of its own. XLSX: `report_xlsx`.
"""

from collections.abc import Iterator, Sequence

from benchmarks.costs import report_data
from benchmarks.costs.row import Row, at_most, plain
from benchmarks.rig.server import Server

TITLE = "Memory of a report of a million rows"


def run(server: Server) -> Sequence[Row]:
    """Return the greatest resident memory for each format."""
    report_data.fill(server)
    return list(_rows(server))


def _rows(server: Server) -> Iterator[Row]:
    for file_format in ("csv", "json", "pdf"):
        few, many = (
            report_data.child(server, file_format, rows).peak for rows in (report_data.FEW, report_data.ROWS)
        )
        yield plain(f"{file_format}: ten thousand rows, a million", f"{few:.0f} MiB, {many:.0f} MiB")
        yield at_most(f"{file_format}: a million / ten thousand", many / few, 1.2, "x")
