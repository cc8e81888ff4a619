"""
A million rows as CSV, against Postgres' own COPY of the same query.
"""

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import psycopg

from benchmarks.costs import report_data
from benchmarks.costs.row import Row, at_least, plain
from benchmarks.rig.server import Server

TITLE = "A report of a million rows as CSV"
ROUNDS = 3


def run(server: Server) -> Sequence[Row]:
    """Return the seconds of COPY, read and thrown away, and of the report, in turns; medians."""
    report_data.fill(server)
    with tempfile.TemporaryDirectory(prefix="turnstile-report-") as folder:
        rounds = [(_copy(server), _report(Path(folder) / "report")) for _ in range(ROUNDS)]
    copy, report = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    return [
        plain("`COPY (query) TO STDOUT`, read by psycopg and thrown away", f"{copy:.2f} s"),
        plain("the report: figures, count, rows, file and its sha256", f"{report:.2f} s"),
        at_least("speed of the report / of COPY", copy / report, 0.3, "x"),
    ]


def _copy(server: Server) -> float:
    started = perf_counter()
    statement = f"COPY ({report_data.query(report_data.ROWS)}) TO STDOUT WITH (FORMAT csv)"
    with psycopg.connect(server.url) as connection, connection.cursor().copy(statement) as copy:
        for _ in copy:
            pass
    return perf_counter() - started


def _report(path: Path) -> float:
    return float(report_data.made("csv", report_data.ROWS, path).seconds)
