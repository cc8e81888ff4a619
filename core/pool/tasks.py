"""
What the pool's background threads do, one class for each task. They hold the pool weakly.
"""

from typing import Any

from psycopg_pool.pool import ConnectionPool, MaintenanceTask


class Connect(MaintenanceTask):
    """Open one connection."""

    def run(self) -> None:
        """Run even if the pool was closed meanwhile: it must give back the place that it was promised."""
        if pool := self.pool():
            self._run(pool)

    def _run(self, pool: ConnectionPool[Any]) -> None:
        pool.connect_one()  # type: ignore[attr-defined]  # a SharedPool, which imports this module


class Retry(MaintenanceTask):
    """Try to connect again after a failure."""

    def _run(self, pool: ConnectionPool[Any]) -> None:
        pool.wake()  # type: ignore[attr-defined]


class CloseOverflow(MaintenanceTask):
    """Close the connections above the pool's size that nobody used for a while."""

    def _run(self, pool: ConnectionPool[Any]) -> None:
        pool.close_overflow()  # type: ignore[attr-defined]


class Watch(MaintenanceTask):
    """Look after what is lent."""

    def _run(self, pool: ConnectionPool[Any]) -> None:
        pool.watch()  # type: ignore[attr-defined]


class TakeBack(MaintenanceTask):
    """Look after what is lent once, now."""

    def _run(self, pool: ConnectionPool[Any]) -> None:
        pool.take_back()  # type: ignore[attr-defined]


class EndReserve(MaintenanceTask):
    """Lend the last place to anybody again, when those it is kept for no longer come."""

    def _run(self, pool: ConnectionPool[Any]) -> None:
        pool.end_reserve()  # type: ignore[attr-defined]
