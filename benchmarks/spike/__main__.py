"""
`python -m benchmarks.spike`: compare all systems, and write docs/spike.md with its chart.

`--systems` and `--clients` run some cells and print them; `--report` writes the document from what there is.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from benchmarks.rig.arguments import names_among
from benchmarks.rig.folder import temporary
from benchmarks.spike import cell, charts, limits, load, report, results, service
from benchmarks.spike.cell import CLIENTS
from benchmarks.spike.results import Rounds
from benchmarks.spike.systems import SYSTEMS, WAYS_IN
from core.embedded import EmbeddedPostgres


def main() -> None:
    """Do what the arguments say."""
    arguments = _arguments()
    is_part = bool(arguments.systems or arguments.clients)
    if not arguments.report:
        with _stage() as (folder, postgres):
            if not is_part:
                results.save_limits(limits.measure(postgres, folder))
            run(
                arguments.systems or [*SYSTEMS],
                arguments.clients or CLIENTS,
                arguments.rounds,
                folder,
                postgres,
            )
    if arguments.report or not is_part:
        charts.draw(results.load())
        print(f"wrote {report.write(results.load(), results.load_limits())}")


@contextmanager
def _stage() -> Iterator[tuple[Path, EmbeddedPostgres]]:
    with temporary("spike") as folder, service.database(folder) as postgres:
        load.write_tickets(folder / "tickets", cell.TICKETS)
        yield folder, postgres


def run(
    systems: Sequence[str], clients: Sequence[int], rounds: int, folder: Path, postgres: EmbeddedPostgres
) -> None:
    """Run the systems in turn, print a line for each cell, and keep the results."""
    started = monotonic()
    found: dict[tuple[str, int], Rounds] = {}
    for number in range(1, rounds + 1):
        for system in systems:
            print(f"round {number} of {rounds}, {system}", flush=True)
            _round(system, list(clients), folder, postgres, found)
    for (system, count), measured in found.items():
        results.save(system, count, measured)
    print(f"{len(found)} cells, {rounds} rounds, {monotonic() - started:.0f} s")


def _round(
    system: str,
    clients: list[int],
    folder: Path,
    postgres: EmbeddedPostgres,
    found: dict[tuple[str, int], Rounds],
) -> None:
    while clients:
        with service.running(system, postgres, folder) as running:
            while clients:
                count = clients.pop(0)
                measured = cell.measure(running, count, folder / "tickets")
                found.setdefault((system, count), Rounds()).append(measured)
                print(f"  {count:>5}: {', '.join(report.line(Rounds([measured])))}", flush=True)
                if measured.failed:
                    # What it still works on would count for the next.
                    break


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spike", description=__doc__)
    parser.add_argument(
        "--systems", type=names_among({**SYSTEMS, **WAYS_IN}), help="systems, separated by commas"
    )
    parser.add_argument("--clients", type=_numbers, help="numbers of clients, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", action="store_true", help="run nothing, write the document")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    main()
