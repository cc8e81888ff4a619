"""
Five million sales: a full run, an incremental one that finds 1 % of them changed, and memory.

Each run is a process of its own; its sales are made while they are read, so that time is in both.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.costs import etl_scene
from benchmarks.costs.row import Row, at_least, at_most, plain
from benchmarks.rig.server import Server

TITLE = "ETL: five million sales"
# BENCH_ETL_SALES: fewer, for a quick look.
MANY = int(os.environ.get("BENCH_ETL_SALES", "5000000"))
FEW = MANY // 10
# Of each run: 5 million sales fit at 20,000 a second, a quarter of what a quiet machine does.
TIMEOUT_SECONDS = 280.0


class Measured(NamedTuple):
    """One run: its seconds, its peak of resident memory, and how many rows it wrote."""

    seconds: float
    peak_mib: float
    written: int


def run(server: Server) -> Sequence[Row]:
    """Return times and peaks; a tenth of the sales are loaded and removed first."""
    etl_scene.prepare(server)
    few = _run_in_a_process(server, FEW)
    tables = "raw_sales, etl_cursors, daily_ticket_sales, event_sales_summary"
    server.ask(f"TRUNCATE {tables}")
    full = _run_in_a_process(server, MANY)
    incremental = _run_in_a_process(server, MANY)
    assert (full.written, incremental.written) == (MANY, MANY // etl_scene.CHANGED)
    return [
        plain(f"full run, {MANY:,} sales", f"{full.seconds:.1f} s, {MANY / full.seconds:,.0f} sales/s"),
        plain(f"incremental run, {incremental.written:,} of them changed", f"{incremental.seconds:.2f} s"),
        at_least("full / incremental", full.seconds / incremental.seconds, 20, "x"),
        plain(f"peak memory, {FEW:,} sales", f"{few.peak_mib:.1f} MiB"),
        plain(f"peak memory, {MANY:,} sales", f"{full.peak_mib:.1f} MiB"),
        at_most("peak memory, many / few", full.peak_mib / few.peak_mib, 1.15, "x"),
    ]


def _run_in_a_process(server: Server, total: int) -> Measured:
    command = [sys.executable, "-m", "benchmarks.costs.etl_process", server.url, str(total)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT_SECONDS)
    return Measured(*json.loads(done.stdout))
