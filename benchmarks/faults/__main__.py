"""
`python -m benchmarks.faults`: run the matrix and write docs/faults.md with its charts.

`--only` and `--systems` run some cells and print them; `--report` writes the document from what there is.
"""

import argparse
from collections.abc import Sequence
from time import monotonic

from benchmarks.faults import charts, faketime, report, results, table
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.fault import Fault
from benchmarks.faults.result import LATER_SECONDS, Result
from benchmarks.faults.schedule import Cell, Schedule
from benchmarks.rig.arguments import names_among
from benchmarks.rig.folder import temporary
from benchmarks.rig.server import make_template
from benchmarks.systems import SYSTEMS

QUICK_LATER_SECONDS = 1.0
QUICK_LIMIT_SECONDS = 35.0


def main() -> None:
    """Do what the arguments say."""
    arguments = _arguments()
    if not arguments.report:
        run(_cells(arguments))
    if arguments.report or not (arguments.only or arguments.systems or arguments.quick):
        charts.draw(results.load())
        print(f"wrote {report.write(results.load())}")


def run(cells: Sequence[Cell]) -> None:
    """Run the cells, keep every result and print a line for each."""
    started = monotonic()
    with temporary("faults") as folder:
        make_template(folder)
        print(f"{len(cells)} cells\n{table.heading()}", flush=True)
        Schedule(folder, _take).run(cells)
    print(f"{len(cells)} cells in {monotonic() - started:.0f} s")


def _take(result: Result) -> None:
    results.save(result)
    print(table.line(result), flush=True)


def _cells(arguments: argparse.Namespace) -> list[Cell]:
    return [
        _quick(fault, system) if arguments.quick else Cell(fault, system, LATER_SECONDS, fault.limit_seconds)
        for fault in _faults(arguments)
        for system in arguments.systems or SYSTEMS
    ]


def _quick(fault: Fault, system: str) -> Cell:
    return Cell(fault, system, QUICK_LATER_SECONDS, QUICK_LIMIT_SECONDS)


def _faults(arguments: argparse.Namespace) -> list[Fault]:
    chosen = [FAULTS[name] for name in arguments.only] if arguments.only else list(FAULTS.values())
    if arguments.quick and not arguments.only:
        chosen = [fault for fault in chosen if fault.is_quick]
    if not faketime.library():
        print("left out: faults that need libfaketime, which is not installed")
        chosen = [fault for fault in chosen if not fault.faketime]
    return chosen


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--only", type=names_among(FAULTS), help="faults, separated by commas")
    parser.add_argument("--systems", type=names_among(SYSTEMS), help="systems, separated by commas")
    parser.add_argument("--quick", action="store_true", help="some faults, about two minutes")
    parser.add_argument("--report", action="store_true", help="run nothing, write the document")
    return parser.parse_args()


if __name__ == "__main__":
    main()
