"""One cell from beginning to end, on Turnstile and on a peer that needs nothing of requirements-bench.txt."""

from pathlib import Path
from threading import Semaphore

import pytest

from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.result import Result
from benchmarks.faults.schedule import Cell, Place, run_cell
from benchmarks.systems import SYSTEMS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


def run(fault: str, system: str, folder: Path) -> Result:
    result = run_cell(Cell(FAULTS[fault], system, later_seconds=0.0, limit_seconds=10.0), folder)
    assert not result.crashed, result.crashed
    return result


class TestCell:
    def test_turnstile_survives_the_end_of_its_idle_connections(self, folder: Path) -> None:
        result = run("terminate_idle", "turnstile", folder)

        assert (result.failed, result.slots_lost, result.rows_missing) == (0, 0, 0)
        assert result.connections_peak <= 15

    def test_a_pool_without_health_checks_hands_out_what_is_dead(self, folder: Path) -> None:
        result = run("terminate_idle", "django", folder)

        assert result.errors == {"AdminShutdown": 15}

    def test_says_when_it_only_lingers(self, folder: Path) -> None:
        said: list[str] = []
        cell = Cell(FAULTS["terminate_idle"], "turnstile", later_seconds=0.5, limit_seconds=10.0)

        result = run_cell(cell, folder, on_linger=lambda: said.append("lingers"))

        assert (said, result.later_seconds, result.slots_lost) == (["lingers"], 0.5, 0)


class TestPlace:
    def test_a_cell_that_lingers_makes_room_for_the_next(self) -> None:
        running, lingering = Semaphore(1), Semaphore(1)

        Place(running, lingering).linger()

        assert running.acquire(blocking=False)
        assert not lingering.acquire(blocking=False)

    def test_a_cell_that_leaves_makes_room_where_it_was(self) -> None:
        running, lingering = Semaphore(1), Semaphore(1)
        place = Place(running, lingering)
        place.linger()

        place.leave()

        assert running.acquire(blocking=False)
        assert lingering.acquire(blocking=False)


class TestCatalogue:
    def test_every_fault_has_a_name_of_its_own(self) -> None:
        assert all(name == fault.name for name, fault in FAULTS.items())

    def test_every_system_can_be_found(self) -> None:
        places = [
            Path(__file__).parents[1] / "systems" / entry.place.split(":")[0] for entry in SYSTEMS.values()
        ]

        assert all(place.with_suffix(".py").exists() for place in places)
