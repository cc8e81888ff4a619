"""
The pytest plugin that gives psycopg's tests of its pool ours: `-p benchmarks.peers.inside.psycopg_pool_swap`.

They name the class as `psycopg_pool.ConnectionPool` at each use.
"""

import time
from collections.abc import Iterable
from typing import Any, cast
from unittest import mock

import psycopg_pool
import pytest

from core.pool import SharedPool
from core.pool.connection import PooledConnection


def pytest_configure() -> None:
    """Replace the class for the life of the process."""
    mock.patch.object(psycopg_pool, "ConnectionPool", SharedPool).start()


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Let the tests slow our connections down, too: their own way makes plain ones of them."""
    for module in {cast("pytest.Function", item).module for item in items}:
        if hasattr(module, "delay_connection"):
            module.delay_connection = _delay_connection


def _delay_connection(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    connect: Any = PooledConnection.connect

    def connect_slowly(cls: type[PooledConnection], *arguments: Any, **options: Any) -> PooledConnection:
        started = time.time()
        connection: PooledConnection = connect.__func__(cls, *arguments, **options)
        time.sleep(max(0.0, started + seconds - time.time()))
        return connection

    monkeypatch.setattr(PooledConnection, "connect", classmethod(connect_slowly))
