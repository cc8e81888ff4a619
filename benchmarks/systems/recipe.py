"""
The documented way to put psycopg's pool under SQLAlchemy: close_returns, creator, NullPool.
"""

from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy
from psycopg_pool import ConnectionPool
from sqlalchemy.pool import NullPool

from benchmarks.systems import engine_requests
from benchmarks.systems.contract import POOL_BOUND, POOL_SIZE, Execute


class Recipe:
    def __init__(self, url: str) -> None:
        self._pool: ConnectionPool[Any] = ConnectionPool(
            url, min_size=POOL_SIZE, max_size=POOL_BOUND, close_returns=True, open=True
        )
        self._engine = sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=self._pool.getconn, poolclass=NullPool
        )

    def transaction(self, writer: int) -> AbstractContextManager[Execute]:
        return engine_requests.request(self._engine)

    def second(self, *, independent: bool) -> AbstractContextManager[Execute]:
        return engine_requests.session(self._engine)

    def take_and_forget(self) -> None:
        engine_requests.take_and_forget(self._engine)

    def stats(self) -> str:
        return str(self._pool.get_stats())

    def close(self) -> None:
        self._pool.close()
