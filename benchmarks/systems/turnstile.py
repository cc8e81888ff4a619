"""
Turnstile: the Django ORM's backend and SQLAlchemy's engine on one shared pool.

Writers with even numbers use Django, the others use the engine.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import sqlalchemy
from django.db import close_old_connections

from benchmarks.systems import django_requests, engine_requests
from benchmarks.systems.contract import POOL_BOUND, POOL_TIMEOUT_SECONDS, Execute
from config.database import database_entry


def entry(url: str) -> dict[str, Any]:
    """Return Turnstile's own description of the database at `url`."""
    # Nobody but staff is here; the alternatives have one queue for all.
    os.environ.update(
        DATABASE_URL=url,
        POOL_STAFF_PLACES=str(POOL_BOUND),
        POOL_BATCH_PLACES=str(POOL_BOUND),
        POOL_STAFF_TIMEOUT=str(POOL_TIMEOUT_SECONDS),
    )
    return database_entry()


class Turnstile:
    def __init__(self, url: str) -> None:
        django_requests.configure(entry(url))
        from core import db
        from core.engine import creator

        self._db, self._creator = db, creator

    def transaction(self, writer: int) -> AbstractContextManager[Execute]:
        return self._engine_request() if writer % 2 else django_requests.request()

    @contextmanager
    def _engine_request(self) -> Iterator[Execute]:
        try:
            with engine_requests.request(self._db.get_engine()) as execute:
                yield execute
        finally:
            close_old_connections()

    @contextmanager
    def second(self, *, independent: bool) -> Iterator[Execute]:
        apart = self._db.independent() if independent else nullcontext()
        with apart, engine_requests.session(self._db.get_engine()) as execute:
            yield execute

    def take_and_forget(self) -> None:
        django_requests.take_and_forget()

    def engine(self) -> sqlalchemy.Engine:
        """Return the process's one engine."""
        return self._db.get_engine()

    def stats(self) -> str:
        return self._db.pool_stats().as_text()

    def close(self) -> None:
        self._creator.shared_pool().close()
