"""
django-db-connection-pool: SQLAlchemy's QueuePool under Django's Postgres backend.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from benchmarks.systems import django_requests
from benchmarks.systems.contract import POOL_OVERFLOW, POOL_SIZE, Execute


class DjangoConnectionPool:
    def __init__(self, url: str) -> None:
        own = {
            "ENGINE": "dj_db_conn_pool.backends.postgresql",
            "POOL_OPTIONS": {"POOL_SIZE": POOL_SIZE, "MAX_OVERFLOW": POOL_OVERFLOW},
        }
        django_requests.configure(django_requests.database_entry(url) | own)

    def transaction(self, writer: int) -> AbstractContextManager[Execute]:
        return django_requests.request()

    @contextmanager
    def second(self, *, independent: bool) -> Iterator[Execute]:
        borrowed = self._pool().connect()
        try:
            yield borrowed.driver_connection.execute
            borrowed.commit()
        finally:
            borrowed.close()

    def take_and_forget(self) -> None:
        django_requests.take_and_forget()

    def stats(self) -> str:
        return str(self._pool().status())

    def close(self) -> None:
        self._pool().dispose()

    def _pool(self) -> Any:
        from dj_db_conn_pool.core import pool_container

        return pool_container.get("default")
