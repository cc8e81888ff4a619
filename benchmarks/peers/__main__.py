"""
`python -m benchmarks.peers`: run other projects' tests on the stock product and on ours; write docs/peers.md.

`--only` runs and prints some. It fails when something differs that is not on purpose, or no longer does.
"""

import argparse
import sys
from time import monotonic

from rich.console import Console

from benchmarks.peers import differences, outcomes, report, runner
from benchmarks.peers.suite import Side, Suite
from benchmarks.peers.suites import SUITES


def main() -> None:
    """Do what the arguments say."""
    names = _arguments().only
    started = monotonic()
    suites = [SUITES[name] for name in names or SUITES]
    results = runner.run_all(suites, differences.load(), _print_side)
    seconds = monotonic() - started
    console = Console()
    console.print(report.table(results))
    for line in report.lines(results):
        print(line)
    if not names:
        print(f"wrote {report.write(results, seconds)}")
    print(f"{len(suites)} suites in {seconds:.0f} s")
    sys.exit(not all(result.is_as_intended for result in results))


def _print_side(suite: Suite, side: Side, result: runner.SideResult) -> None:
    counted = ", ".join(f"{number} {word}" for word, number in outcomes.count(result.outcomes).most_common())
    print(f"{suite.name:<22}{side:<8}{result.seconds:>6.0f} s  {counted} {result.trouble}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SUITES, help="run these and print them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
