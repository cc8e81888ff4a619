"""The arithmetic of connections against the server's limit."""

from core.budget import ConnectionBudget


def budget(**changes: int) -> ConnectionBudget:
    numbers = {"workers": 2, "pool_bound": 15, "commands": 1, "max_connections": 100, "reserved": 3}
    return ConnectionBudget(**{**numbers, **changes})


class TestConnectionBudget:
    def test_counts_every_workers_pool_and_the_commands(self) -> None:
        assert budget().needed == 31
        assert budget().available == 97

    def test_fits_up_to_the_last_connection(self) -> None:
        assert budget(max_connections=34).fits
        assert not budget(max_connections=33).fits

    def test_shows_its_sum(self) -> None:
        assert str(budget()) == "2 x 15 + 1 = 31 of 97 (100 less 3 reserved)"

    def test_says_how_many_are_too_many_and_for_how_many_processes_there_is_room(self) -> None:
        assert budget(workers=7).excess == 9
        assert budget().room == 6
