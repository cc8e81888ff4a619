"""
`python -m benchmarks`: run every benchmark and write docs/benchmarks.md; `--only` runs and prints some.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import costs
from benchmarks.costs.row import Row
from benchmarks.rig import markdown

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
PACKAGES = ("django", "psycopg", "psycopg-pool", "sqlalchemy")
# Storing the dashboard's 10 million scans takes most of it on two busy cores.
TIMEOUT_SECONDS = 1200.0
# Written by hand after the last run that the document shows: its figures in short, and what bounds them.
IN_SHORT = Path(__file__).parent / "in_short.md"
BOUNDS = Path(__file__).parent / "bounds.md"
INTRODUCTION = """\
What the pool, the ETL and the reports cost when nothing is broken; [faults.md](faults.md) is about what
happens when something is. What a spike of scans costs, beside eight other ways, is in [spike.md](spike.md).

`make bench` writes this document; `python -m benchmarks --only borrow_django` prints a part. Contenders take
turns in one process on one server; values are medians over rounds, so compare the ratios: they hold on a busy
machine, the microseconds do not. Each benchmark has a fresh process and a PostgreSQL of its own."""


def main() -> None:
    """Run the benchmarks, print them, and write the document when all of them ran."""
    names = _arguments().only or list(costs.BENCHMARKS)
    sections: dict[str, list[Row]] = {}
    for name in names:
        sections[name] = _measure(name)
        print(f"{_section(name, sections[name])}\n", flush=True)
    if len(names) == len(costs.BENCHMARKS):
        DOCUMENT.write_text(_document(sections))
        print(f"wrote {DOCUMENT}; bring {IN_SHORT.name}, {BOUNDS.name} and README's figures up to date")


def _measure(name: str) -> list[Row]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("POOL_")}
    command = [sys.executable, "-m", "benchmarks.measure", name]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS, env=environment
    )
    if done.returncode:
        return [Row("not measured", f"`{done.stderr.strip().splitlines()[-1]}`")]
    return [Row(**values) for values in json.loads(done.stdout.splitlines()[-1])]


def _document(sections: Mapping[str, Sequence[Row]]) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    versions = f"{packages}, PostgreSQL 18 (embedded), on {machine}."
    parts = ["# Benchmarks", INTRODUCTION, versions, IN_SHORT.read_text().rstrip()]
    parts += [_section(name, rows) for name, rows in sections.items()]
    return "\n\n".join([*parts, BOUNDS.read_text()])


def _section(name: str, rows: Sequence[Row]) -> str:
    words = {True: "yes", False: "**no**", None: ""}
    lines = [[row.what, row.value, row.target, words[row.is_met]] for row in rows]
    return f"## {costs.load(name).title}\n\n{markdown.table(['what', 'measured', 'target', 'met'], lines)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=costs.BENCHMARKS, help="run these and print them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
