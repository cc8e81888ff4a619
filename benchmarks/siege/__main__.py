"""
`python -m benchmarks.siege`: besiege both systems and write docs/siege.md with its chart.

`--only` and `--systems` run some cells and print them; `--report` writes the document from what there is.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from time import monotonic

from benchmarks.rig import folder
from benchmarks.rig.arguments import names_among
from benchmarks.siege import cell, charts, report, results
from benchmarks.siege.attacks import ATTACKS
from benchmarks.siege.cell import Times
from benchmarks.siege.stage import SYSTEMS, template

QUICK = Times(before=1.0, attack=8.0, after=4.0)


def main() -> None:
    """Do what the arguments say."""
    arguments = _arguments()
    if not arguments.report:
        cells = list(product(arguments.only or ATTACKS, arguments.systems or SYSTEMS))
        run(cells, QUICK if arguments.quick else Times())
    if arguments.report or not (arguments.only or arguments.systems or arguments.quick):
        charts.draw(results.load())
        print(f"wrote {report.write(results.load())}")


def run(cells: Sequence[tuple[str, str]], times: Times) -> None:
    """Run the cells, keep every result and print a line for each."""
    started = monotonic()
    with folder.temporary("siege") as path, template(path) as made:
        for number, (attack, system) in enumerate(cells, 1):
            print(f"{number}/{len(cells)} {attack}, {system} ...", end=" ", flush=True)
            result = cell.run(attack, system, path, made, times)
            results.save(result)
            print(report.line(result), flush=True)
    print(f"{len(cells)} cells in {monotonic() - started:.0f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.siege", description=__doc__)
    parser.add_argument("--only", type=names_among(ATTACKS), help="attacks, separated by commas")
    parser.add_argument("--systems", type=names_among(SYSTEMS), help="systems, separated by commas")
    parser.add_argument("--quick", action="store_true", help="8 s for each attack instead of 30")
    parser.add_argument("--report", action="store_true", help="run nothing, write the document")
    return parser.parse_args()


if __name__ == "__main__":
    main()
