"""
A million rows as XLSX, against bare XlsxWriter on the same rows held ready.
"""

from collections.abc import Sequence

from benchmarks.costs import report_data
from benchmarks.costs.row import Row, at_least, at_most, plain
from benchmarks.rig.server import Server

TITLE = "A report of a million rows as XLSX"


def run(server: Server) -> Sequence[Row]:
    """Return the seconds and the peak of memory of both, each in a process of its own."""
    report_data.fill(server)
    bare, report = (report_data.child(server, what, report_data.ROWS) for what in ("bare-xlsx", "xlsx"))
    few = report_data.child(server, "xlsx", report_data.FEW)
    return [
        plain(
            "XlsxWriter with constant_memory, the rows in memory",
            f"{bare.seconds:.1f} s, {bare.peak:.0f} MiB",
        ),
        plain("the report, the rows from Postgres", f"{report.seconds:.1f} s, {report.peak:.0f} MiB"),
        at_least("speed of the report / of bare XlsxWriter", bare.seconds / report.seconds, 0.8, "x"),
        at_most("memory of a million rows / of ten thousand", report.peak / few.peak, 1.2, "x"),
    ]
