"""
Every fault of the matrix, on Turnstile, its waiting cut short: no row lost, no slot lost, the bound held, and
no request failed that began when the server could serve.

`make faults` runs the long versions, on every system; `make test` leaves out the slow ones of these.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.faults import faketime
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.fault import Fault
from benchmarks.faults.result import Result
from benchmarks.faults.schedule import Cell, Schedule
from benchmarks.rig.server import make_template
from benchmarks.systems.contract import POOL_BOUND

# The same fault for longer: their short versions are among the others.
LONG = {"away_60", "away_330", "deaf_idle_12"}
SHORT = [name for name in FAULTS if name not in LONG]
# Three to seven seconds of a processor each, or another size of one that is not among them.
SLOW = {
    "terminate_active",
    "terminate_in_transaction",
    "restart_immediate",
    "demotion",
    "deaf_busy",
    "half_closed",
    "slow_wire",
    "cut",
    "fleet",
    "two_borrowers_20",
    "two_borrowers_60",
    "interrupts",
    "sessions_and_writers",
    "notices",
}
# Several processes, each with a bound of its own.
FLEET_PROCESSES = {"fleet": 4}


def cell(fault: Fault) -> Cell:
    return Cell(fault, "turnstile", later_seconds=0.0, limit_seconds=20.0)


def run(names: Collection[str], folder: Path) -> dict[str, Result]:
    found: list[Result] = []
    Schedule(folder, found.append).run(cell(FAULTS[name]) for name in names)
    return {result.fault: result for result in found}


def asked_for(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the faults whose tests were selected."""
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.module is request.module:
            yield str(item.callspec.params["name"])


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Result]:
    """Each fault's result; the cells run beside each other, as they sleep most of their time."""
    folder = tmp_path_factory.mktemp("faults")
    make_template(folder)
    runnable = {name for name in asked_for(request) if faketime.library() or not FAULTS[name].faketime}
    found = run(runnable, folder)
    # A cell whose own machinery failed, such as a server that a busy machine did not start in time, says
    # nothing about the pool: once more, and then it counts.
    return found | run({name for name, result in found.items() if result.crashed}, folder)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in SHORT]
)
class TestTurnstileUnder:
    def test_this_fault_loses_nothing(self, results: Mapping[str, Result], name: str) -> None:
        if name not in results:
            pytest.skip("needs libfaketime (Debian: apt-get install libfaketime)")
        result = results[name]

        assert not result.crashed, result.crashed
        assert result.requests > 0
        assert (result.rows_missing, result.rows_twice, result.slots_lost) == (0, 0, 0)
        assert result.failed_after_return == 0
        assert result.facts.get("blocks_with_other_rows_than_expected", 0) == 0
        assert result.connections_peak <= POOL_BOUND * FLEET_PROCESSES.get(name, 1)
