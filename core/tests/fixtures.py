"""
Fixtures for every app's tests: pools of their own on the run's Postgres, and a look at it from outside.

`config.testing` loads this module as a plugin.
"""

import gc
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections

from core.embedded import EmbeddedPostgres
from core.engine.creator import shared_pool
from core.pool import SharedPool
from core.pool.classes import run_as
from core.pool.connection import PooledConnection

WAIT_SECONDS = 10.0


def eventually(condition: Callable[[], Any], *, timeout: float = WAIT_SECONDS) -> Any:
    """Return the condition's first true value; fail when it never becomes true."""
    started, pause = monotonic(), threading.Event()
    while (waited := monotonic() - started) < timeout:
        if value := condition():
            return value
        # Less often as it takes longer: to ask costs time that what is waited for needs on two processors.
        pause.wait(min(0.005 + waited / 20, 0.1))
    raise AssertionError(f"not true within {timeout} s")


@pytest.fixture
def application_name() -> str:
    """The name of this test's pools: backends of the test before may still be leaving."""
    return f"core-tests-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def make_pool(postgres: EmbeddedPostgres, application_name: str) -> Iterator[Callable[..., SharedPool]]:
    """A factory of open, lazy pools; each is closed at the end."""
    with ExitStack() as stack:

        def make(*, min_size: int = 1, max_size: int | None = None, **options: Any) -> SharedPool:
            pool = SharedPool(
                conninfo=options.pop("conninfo", postgres.url()),
                min_size=min_size,
                max_size=max_size or min_size,
                **{
                    "kwargs": {"autocommit": True, "application_name": application_name},
                    "open": False,
                    "lazy": True,
                    "timeout": 5.0,
                    **options,
                },
            )
            pool.open()
            stack.callback(pool.close)
            return pool

        yield make


@pytest.fixture
def pool_of_one(make_pool: Callable[..., SharedPool]) -> SharedPool:
    return make_pool(min_size=1)


@pytest.fixture
def outside(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    """A connection outside every pool, to look at the server and to break things."""
    with psycopg.connect(postgres.url(), autocommit=True) as watcher:
        yield watcher


@pytest.fixture
def backends(outside: psycopg.Connection[Any], application_name: str) -> Callable[[], int]:
    """Counts the test pools' connections as Postgres sees them."""

    def count() -> int:
        row = outside.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [application_name]
        ).fetchone()
        assert row is not None
        return int(row[0])

    return count


@pytest.fixture
def kill(outside: psycopg.Connection[Any]) -> Callable[[int], None]:
    """Ends a backend by its pid and waits until it is gone."""

    def end(pid: int) -> None:
        outside.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    return end


@pytest.fixture
def django_pool(transactional_db: None) -> Iterator[SharedPool]:
    """The pool behind DATABASES["default"], on the test database, with nothing lent and nothing idle."""
    connection.close()
    pool = shared_pool()

    def is_empty() -> bool:
        # One that was being opened for an earlier test may arrive late.
        pool.drain()
        if pool.stats().checked_out:
            # Dropped by an earlier test, in a circle of objects; its threads may be about to end.
            gc.collect()
        return pool.stats().open == 0

    eventually(is_empty)
    yield pool
    connections.close_all()


@pytest.fixture(params=["transaction", pytest.param("request", marks=pytest.mark.slow)])
def hold(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How long the ORM holds its connection in this test: `OPTIONS["pool"]["hold"]`, one and the other."""
    how_long: str = request.param
    monkeypatch.setitem(connection.settings_dict["OPTIONS"]["pool"], "hold", how_long)
    # This thread's object is older.
    monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "_gives_back_early", how_long == "transaction")
    return how_long


class Crowd:
    """Threads that do the same thing at once; their errors and results come back to the test."""

    def __init__(self, size: int, action: Callable[[int], Any]) -> None:
        self.results: list[Any] = []
        self.errors: list[BaseException] = []
        self._gate = threading.Barrier(size)
        self._threads = [
            threading.Thread(target=self._run, args=(action, n), daemon=True) for n in range(size)
        ]

    def _run(self, action: Callable[[int], Any], number: int) -> None:
        try:
            self._gate.wait()
            self.results.append(action(number))
        except BaseException as error:
            self.errors.append(error)
        finally:
            connections.close_all()

    def run(self, timeout: float = 60.0) -> "Crowd":
        for thread in self._threads:
            thread.start()
        deadline = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), "some threads never finished"
        return self


@contextmanager
def held(
    pool: SharedPool, count: int | None = None, *, borrower_class: str = ""
) -> Iterator[list[PooledConnection]]:
    """Let another thread hold `count` connections, all of them by default, while the block runs."""
    lent: list[PooledConnection] = []
    is_ready, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            # However short the pool's own timeout: opening them may take a while on a busy machine.
            lent.extend(
                run_as(borrower_class, pool.lend, borrower="test", timeout=WAIT_SECONDS)
                for _ in range(count or pool.max_size)
            )
        finally:
            is_ready.set()
        may_end.wait()
        for each in lent:
            pool.putconn(each)

    holder = threading.Thread(target=hold, name="holder")
    holder.start()
    is_ready.wait(WAIT_SECONDS)
    try:
        yield lent
    finally:
        may_end.set()
        holder.join()


def when_waiting(pool: SharedPool, count: int, action: Callable[[], None]) -> threading.Thread:
    """Start a thread that does `action` as soon as `count` borrowers wait."""

    def run() -> None:
        eventually(lambda: pool.stats().waiting >= count)
        action()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
