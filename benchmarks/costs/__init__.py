"""
What the pool and the reports cost when nothing is broken.

Each module is one benchmark: TITLE, and `run(server)`.

A new one is one module here and its name in BENCHMARKS.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from benchmarks.costs.row import Row
from benchmarks.rig.server import Server

BENCHMARKS = (
    "borrow_django",
    "borrow_engine",
    "borrow_gate",
    "orm_query",
    "recovery",
    "deadlock",
    "overflow",
    "memory",
    "throughput",
    "etl_load",
    "etl_scale",
    "slow_downloads",
    "report_csv",
    "report_memory",
    "report_xlsx",
    "dashboard",
)


class Benchmark(NamedTuple):
    """A benchmark's heading and what it does."""

    title: str
    run: Callable[[Server], Sequence[Row]]


def load(name: str) -> Benchmark:
    """Return the benchmark called `name`."""
    module: Any = import_module(f"benchmarks.costs.{name}")
    return Benchmark(module.TITLE, module.run)
