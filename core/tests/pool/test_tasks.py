"""A chore is to come once, as soon as somebody needs it (contract line R2)."""

from typing import Any

from core.pool.tasks import Chore


class Workers:
    """Takes a pool's tasks, and runs none of them."""

    closed = False

    def __init__(self) -> None:
        self.tasks: list[Any] = []

    def run_task(self, task: Any) -> None:
        self.tasks.append(task)


def do_nothing(_: Any) -> None: ...


class TestAChore:
    def test_is_to_come_once(self) -> None:
        pool: Any = Workers()
        chore = Chore[Any](do_nothing)

        for _ in range(3):
            chore.ask_for(pool, after=5.0)
        chore.ask_for(pool, after=9.0)

        assert len(pool.tasks) == 1

    def test_comes_earlier_when_somebody_needs_it_earlier(self) -> None:
        pool: Any = Workers()
        chore = Chore[Any](do_nothing)
        chore.ask_for(pool, after=30.0)

        chore.ask_for(pool, after=0.25)

        assert [task.delay for task in pool.tasks] == [30.0, 0.25]

    def test_may_be_asked_for_again_when_it_runs(self) -> None:
        pool: Any = Workers()
        chore = Chore[Any](do_nothing)
        chore.ask_for(pool)

        pool.tasks[0].run()
        chore.ask_for(pool)

        assert len(pool.tasks) == 2
