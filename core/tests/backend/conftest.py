"""The fixtures of the backend's tests."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.db.utils import ConnectionHandler

from core.embedded import EmbeddedPostgres
from core.tests.backend.wrappers import MakeWrapper


@pytest.fixture
def make_wrapper(postgres: EmbeddedPostgres, django_db_blocker: Any) -> Iterator[MakeWrapper]:
    """A factory of connections through ENGINE "core.backend", or another, with the given OPTIONS."""
    made: list[Any] = []

    def make(*, engine: str = "core.backend", alias: str = "other", **options: Any) -> Any:
        entry: dict[str, Any] = {
            "ENGINE": engine,
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": str(postgres.socket_dir),
            "OPTIONS": options,
            **{name: options.pop(name) for name in list(options) if name.isupper()},
        }
        handler = ConnectionHandler({DEFAULT_DB_ALIAS: entry, alias: entry})
        made.append(handler[alias])
        return made[-1]

    with django_db_blocker.unblock():
        yield make
        for wrapper in made:
            wrapper.close()
            # A pool whose options were refused was never made.
            with suppress(ImproperlyConfigured):
                wrapper.close_pool()


@pytest.fixture(autouse=True)
def _both_ways(hold: str) -> None:
    """Run each test twice: the backend's promises hold however long it holds its connection (G3)."""
