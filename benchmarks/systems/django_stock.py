"""
Django 5.2's own pool: OPTIONS["pool"], with and without CONN_HEALTH_CHECKS.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.db import connection

from benchmarks.systems import django_requests
from benchmarks.systems.contract import POOL_BOUND, POOL_SIZE, Execute


class DjangoPool:
    has_health_checks = False

    def __init__(self, url: str) -> None:
        sizes = {"min_size": POOL_SIZE, "max_size": POOL_BOUND}
        entry = django_requests.database_entry(url, pool=sizes)
        engine = {"ENGINE": "django.db.backends.postgresql", "CONN_HEALTH_CHECKS": self.has_health_checks}
        django_requests.configure(entry | engine)

    def transaction(self, writer: int) -> AbstractContextManager[Execute]:
        return django_requests.request()

    @contextmanager
    def second(self, *, independent: bool) -> Iterator[Execute]:
        with self._wrapper().pool.connection() as borrowed, borrowed.transaction():
            yield borrowed.execute

    def take_and_forget(self) -> None:
        django_requests.take_and_forget()

    def stats(self) -> str:
        return str(self._wrapper().pool.get_stats())

    def close(self) -> None:
        self._wrapper().close_pool()

    def _wrapper(self) -> Any:
        """Return Django's connection object; only PostgreSQL's has a pool."""
        return connection


class CheckedDjangoPool(DjangoPool):
    has_health_checks = True
