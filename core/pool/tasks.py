"""
What the pool's background threads do. A task holds its pool weakly.

Whether one is still to come is asked of the task itself: nobody keeps a flag, which an interrupted call could
leave behind.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Generic, TypeVar, cast
from weakref import ReferenceType, ref

from psycopg_pool.pool import ConnectionPool, MaintenanceTask, Schedule

Pool = TypeVar("Pool", bound=ConnectionPool[Any])


class Task(MaintenanceTask, Generic[Pool]):
    """
    One call of a method of the pool, in one of its threads; none once the pool is closed.

    Attributes:
        is_over: it has run.
    """

    def __init__(self, pool: Pool, action: Callable[[Pool], None]) -> None:
        super().__init__(pool)
        self.action = action
        self.is_over = False

    def _run(self, pool: ConnectionPool[Any]) -> None:
        # Before: what it does may ask for the next one.
        self.is_over = True
        self.action(cast("Pool", pool))


class Connect(MaintenanceTask, Generic[Pool]):
    """
    Open one connection. It takes the slot of the connection to come.

    Attributes:
        has_socket: it may have one any moment; False when it failed, or the connection is there.
    """

    def __init__(self, pool: Pool, action: Callable[[Pool, "Connect[Pool]"], None]) -> None:
        super().__init__(pool)
        self.action = action
        self.has_socket = True

    def run(self) -> None:
        """Run even if the pool was closed meanwhile: its successor waits for the slot."""
        if pool := self.pool():
            self._run(pool)

    def _run(self, pool: ConnectionPool[Any]) -> None:
        self.action(cast("Pool", pool), self)


class Chore(Generic[Pool]):
    """A task that is to come once, as early as somebody needs it. Guarded by the pool's lock."""

    def __init__(self, action: Callable[[Pool], None]) -> None:
        self._action = action
        self._task: ReferenceType[Task[Pool]] | None = None
        self._due_at = 0.0

    @property
    def is_pending(self) -> bool:
        """Whether it is to come; no longer as soon as it runs."""
        task = None if self._task is None else self._task()
        return task is not None and not task.is_over

    def ask_for(self, pool: Pool, *, after: float = 0.0) -> None:
        """Let it run in `after` seconds, unless it is to come by then; one that comes later still runs."""
        due_at = monotonic() + after
        if self.is_pending and self._due_at <= due_at:
            return
        task = Task(pool, self._action)
        self._task, self._due_at = ref(task), due_at
        # A worker talks to the scheduler: a borrower who is interrupted there could leave it locked.
        pool.run_task(Schedule(pool, task, after) if after > 0 else task)
