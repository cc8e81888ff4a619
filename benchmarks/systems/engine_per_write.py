"""
The legacy service's way: a new engine, and so a new connection, for each write; nobody disposes of it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import sqlalchemy

from benchmarks.systems import engine_requests
from benchmarks.systems.contract import Execute


class EnginePerWrite:
    def __init__(self, url: str) -> None:
        self._url = engine_requests.driver_url(url)

    @contextmanager
    def transaction(self, writer: int) -> Iterator[Execute]:
        with engine_requests.request(sqlalchemy.create_engine(self._url)) as execute:
            yield execute

    def second(self, *, independent: bool) -> AbstractContextManager[Execute]:
        return self.transaction(0)

    def take_and_forget(self) -> None:
        engine_requests.take_and_forget(sqlalchemy.create_engine(self._url))

    def stats(self) -> str:
        return "nobody counts"

    def close(self) -> None:
        """Nothing is kept that could be closed."""
