"""
Slow clients that download a large report, and the scans that must not notice.

The real service (`manage.py serve`, its defaults), rounds with and without the slow clients in turn. They
read a few kilobytes a second of a file of 50 MB: far more than sockets and channels hold on the way.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.costs.readers import SlowReaders, wait_for
from benchmarks.costs.row import Row, at_least, at_most, plain
from benchmarks.rig.server import Server

TITLE = "50 slow clients download 50 MB each while the gates scan"
CLIENTS = 50
SCANNERS = 32
ROUNDS = 5
SECONDS = 5.0
# Enough to be answered by both workers.
LOOKS = 20
ROOT = Path(__file__).resolve().parents[2]
# For this process's server, on a socket that nobody else reaches.
KEYS = {
    name: f"only-for-measuring-{name}-0123456789"
    for name in ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY")
}


def run(server: Server) -> Sequence[Row]:
    """Return scans per second of both kinds of rounds, their ratio, and what the downloads hold."""
    from benchmarks.costs import stored_report

    with tempfile.TemporaryDirectory(prefix="turnstile-bench-") as folder:
        server.postgres.create_database("service")
        os.environ.update(KEYS, DATABASE_URL=server.postgres.url("service"), REPORT_STORAGE=folder)
        report = stored_report.prepare(Path(folder))
        with _serving(stored_report.free_port()) as (port, process):
            return _measure(port, process, report)


def _measure(port: int, process: psutil.Process, report: "tuple[str, str]") -> Sequence[Row]:
    quiet, busy, held, memory = [], [], 0, [0, 0]
    _scans(port)  # warm
    for _ in range(ROUNDS):
        quiet.append(_scans(port))
        memory[0] = max(memory[0], _megabytes(process))
        with SlowReaders(port, *report, count=CLIENTS) as readers:
            held = max(held, *(readers.checked_out() for _ in range(LOOKS)))
            busy.append(_scans(port))
            memory[1] = max(memory[1], _megabytes(process))
            assert readers.are_all_reading(), "a download ended early"
    ratios = [with_them / without for without, with_them in zip(quiet, busy, strict=True)]
    return [
        plain("without them", f"{statistics.median(quiet):,.0f} scans/s, {memory[0]} MB in all processes"),
        plain("with them", f"{statistics.median(busy):,.0f} scans/s, {memory[1]} MB in all processes"),
        at_least("with / without, median of the rounds", statistics.median(ratios), 0.9, "x"),
        at_most("connections that the downloads hold", held, 0, "connections"),
    ]


def _scans(port: int) -> float:
    """Return the scans that were answered rightly in a second; a wrong answer ends the benchmark."""
    from analytics.spike.clients import send

    tally = send(
        url=f"http://127.0.0.1:{port}",
        service_key=KEYS["SERVICE_API_KEY"],
        clients=SCANNERS,
        seconds=SECONDS,
    )
    assert not tally.faults, tally.faults
    return tally.outcomes.total() / SECONDS


@contextmanager
def _serving(port: int) -> Iterator[tuple[int, psutil.Process]]:
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _megabytes(process: psutil.Process) -> int:
    every = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in every) // 2**20
