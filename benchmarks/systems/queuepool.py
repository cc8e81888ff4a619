"""
SQLAlchemy's QueuePool with pool_pre_ping, its own answer to stale connections.
"""

from contextlib import AbstractContextManager

import sqlalchemy

from benchmarks.systems import engine_requests
from benchmarks.systems.contract import POOL_OVERFLOW, POOL_SIZE, Execute


class PrePingQueuePool:
    def __init__(self, url: str, *, pre_ping: bool = True) -> None:
        self._engine = sqlalchemy.create_engine(
            engine_requests.driver_url(url),
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_pre_ping=pre_ping,
        )

    def transaction(self, writer: int) -> AbstractContextManager[Execute]:
        return engine_requests.request(self._engine)

    def second(self, *, independent: bool) -> AbstractContextManager[Execute]:
        return engine_requests.session(self._engine)

    def take_and_forget(self) -> None:
        engine_requests.take_and_forget(self._engine)

    def engine(self) -> sqlalchemy.Engine:
        """Return the engine."""
        return self._engine

    def stats(self) -> str:
        return self._engine.pool.status()

    def close(self) -> None:
        self._engine.dispose()
