"""The callbacks of a pool's options mean what they mean in psycopg_pool (contract lines M2, L15, R2)."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.db import connection as django_connection
from psycopg_pool import PoolTimeout
from sqlalchemy import text

from core import db
from core.pool import SharedPool
from core.pool.connection import IDLE, PooledConnection
from core.pool.wait_queue import ServerUnreachable
from core.tests.fixtures import Crowd, eventually, held

MakePool = Callable[..., SharedPool]
Action = Callable[[PooledConnection], Any]


# Blocks that a callback does not leave: collected, they would end by themselves.
_entered: list[Any] = []


@pytest.fixture(autouse=True)
def no_block_outlives_its_test() -> Iterator[None]:
    yield
    _entered.clear()


def begin(connection: PooledConnection) -> None:
    connection.autocommit = False
    connection.execute("SELECT 1")


def fail_in_transaction(connection: PooledConnection) -> None:
    connection.autocommit = False
    with suppress(psycopg.Error):
        connection.execute("SELECT 1 / 0")


def lose(connection: PooledConnection) -> None:
    with suppress(psycopg.Error):
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def close(connection: PooledConnection) -> None:
    connection.close()


def leave_busy(connection: PooledConnection) -> None:
    connection.pgconn.send_query(b"SELECT pg_sleep(60)")


def enter_pipeline(connection: PooledConnection) -> None:
    pipeline = connection.pipeline()
    pipeline.__enter__()
    _entered.append(pipeline)


def fail(_: PooledConnection) -> None:
    raise LookupError("a mistake in the callback")


class Scripted:
    """A callback that does `first`, then nothing; it remembers what it was called with, and where."""

    def __init__(self, *first: Action) -> None:
        self._first = list(first)
        self.seen: list[PooledConnection] = []
        self.statuses: list[Any] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, connection: PooledConnection) -> None:
        self.seen.append(connection)
        self.statuses.append(connection.pgconn.transaction_status)
        self.threads.append(threading.current_thread())
        if self._first:
            self._first.pop(0)(connection)


class TestConfigure:
    @pytest.mark.parametrize(
        "action", [begin, fail_in_transaction, lose, close, leave_busy, enter_pipeline, fail]
    )
    def test_what_it_does_not_leave_at_rest_is_never_lent(self, make_pool: MakePool, action: Action) -> None:
        configure = Scripted(action, action)
        pool = make_pool(configure=configure)

        connection = pool.getconn()

        assert connection is configure.seen[2]
        assert connection.pgconn.transaction_status == IDLE
        assert all(each.closed for each in configure.seen[:2])
        assert pool.get_stats()["connections_errors"] == 2
        assert pool.slots.taken == pool.stats().open == 1
        connection.close()

    def test_the_error_names_it_and_what_it_left(self, make_pool: MakePool) -> None:
        pool = make_pool(configure=begin)

        with pytest.raises(ServerUnreachable, match=r"left in status INTRANS by configure function.*begin"):
            pool.getconn(timeout=0.1)

    def test_it_may_use_the_connection_as_a_block(self, make_pool: MakePool) -> None:
        def configure(connection: PooledConnection) -> None:
            with connection.transaction():
                connection.execute("SET application_name = 'configured'")

        with make_pool(configure=configure).connection() as connection:
            row = connection.execute("SHOW application_name").fetchone()

        assert row == ("configured",)


class TestReset:
    def test_it_is_called_at_each_return_when_the_connection_is_clean(self, make_pool: MakePool) -> None:
        reset = Scripted()
        pool = make_pool(reset=reset)

        lent = []
        for _ in range(2):
            lent.append(pool.getconn())
            begin(lent[-1])
            pool.putconn(lent[-1])

        assert reset.seen == lent
        assert reset.statuses == [IDLE, IDLE]
        assert pool.stats().checked_in == 1

    def test_it_runs_in_the_borrowers_thread_before_anybody_else_gets_the_connection(
        self, make_pool: MakePool
    ) -> None:
        reset = Scripted(lambda connection: connection.execute("SELECT pg_sleep(0.1)"))
        pool = make_pool(reset=reset)
        connection = pool.getconn()
        crowd = Crowd(1, lambda _: pool.putconn(pool.getconn()))

        pool.putconn(connection)
        crowd.run()

        assert reset.threads[0] is threading.current_thread()
        assert len(reset.seen) == 2

    @pytest.mark.parametrize(
        "action", [begin, fail_in_transaction, lose, close, leave_busy, enter_pipeline, fail]
    )
    def test_what_it_does_not_leave_at_rest_is_replaced(
        self, make_pool: MakePool, action: Action, caplog: pytest.LogCaptureFixture
    ) -> None:
        pool = make_pool(reset=Scripted(action))
        connection = pool.getconn()

        with caplog.at_level(logging.WARNING, "core.pool"):
            pool.putconn(connection)

        assert connection.closed
        assert pool.stats().open == pool.slots.taken == 0
        assert pool.get_stats()["returns_bad"] == 1
        assert len([r for r in caplog.records if "reset" in r.getMessage()]) == 1
        pool.getconn().close()

    def test_what_it_changed_on_the_connection_is_put_back(self, make_pool: MakePool) -> None:
        def reset(connection: PooledConnection) -> None:
            connection.autocommit = False
            connection.row_factory = psycopg.rows.dict_row

        pool = make_pool(reset=reset)
        pool.getconn().close()

        with pool.connection() as connection:
            assert connection.autocommit
            assert connection.execute("SELECT 1").fetchone() == (1,)

    def test_an_interrupted_one_keeps_no_place(self, make_pool: MakePool) -> None:
        def interrupt(_: PooledConnection) -> None:
            raise KeyboardInterrupt

        pool = make_pool(reset=Scripted(interrupt))
        connection = pool.getconn()

        with pytest.raises(KeyboardInterrupt):
            pool.putconn(connection)

        assert connection.closed
        assert pool.stats().open == 0
        pool.getconn().close()

    def test_it_is_not_called_where_nobody_returns_anything(self, make_pool: MakePool) -> None:
        reset = Scripted()
        pool = make_pool(min_size=2, reset=reset, lazy=False)
        pool.wait()

        pool.check()
        connection = pool.getconn()
        connection.retire()
        lose(connection)
        pool.putconn(connection)

        assert reset.seen == []

    @pytest.mark.real_pool
    def test_it_is_called_for_both_libraries_and_not_when_a_connection_is_handed_over(
        self, django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reset = Scripted()
        monkeypatch.setattr(django_pool, "_reset", reset)

        with db.pinned():
            django_connection.ensure_connection()
            with db.get_engine().connect() as borrowed:
                borrowed.execute(text("SELECT 1"))
            assert reset.seen == []
        assert len(reset.seen) == 1
        db.get_engine().connect().close()

        assert len(reset.seen) == 2
        assert reset.statuses == [IDLE, IDLE]


class TestCheck:
    @pytest.mark.parametrize("action", [fail, lose, close, leave_busy, enter_pipeline])
    def test_what_does_not_pass_is_replaced_whatever_it_raised(
        self, make_pool: MakePool, action: Action
    ) -> None:
        check = Scripted(action)
        pool = make_pool(check=check)

        connection = pool.getconn()

        assert connection is check.seen[1]
        assert check.seen[0].closed
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert pool.get_stats()["connections_lost"] == 1
        connection.close()

    @pytest.mark.parametrize("action", [begin, fail_in_transaction])
    def test_its_own_transaction_is_not_the_borrowers(self, make_pool: MakePool, action: Action) -> None:
        check = Scripted(action)
        pool = make_pool(check=check)

        connection = pool.getconn()

        assert connection is check.seen[0]
        assert connection.pgconn.transaction_status == IDLE
        assert connection.autocommit
        connection.close()

    def test_one_that_fails_on_every_connection_is_no_storm_of_connects(self, make_pool: MakePool) -> None:
        pool = make_pool(max_size=4, check=fail)

        started = monotonic()
        crowd = Crowd(4, lambda _: pool.getconn(timeout=1.0)).run()

        assert [type(error) for error in crowd.errors] == [ServerUnreachable] * 4
        assert "a mistake in the callback" in str(crowd.errors[0])
        # At most three at a time, each 0.05 to 0.25 seconds after the last failure.
        assert pool.get_stats()["connections_num"] < 30 * (monotonic() - started)

    def test_idle_ones_that_fail_are_replaced_without_a_pause(self, make_pool: MakePool) -> None:
        refused: set[int] = set()

        def check(connection: PooledConnection) -> None:
            if connection.info.backend_pid in refused:
                raise LookupError("stale")

        pool = make_pool(min_size=12, check=check, timeout=30)
        with held(pool) as lent:
            refused |= {connection.info.backend_pid for connection in lent}

        pool.getconn().close()

        # No connect had to wait for another: what failed its check was not new.
        assert pool.state.growth.error is None
        assert pool.get_stats()["connections_lost"] == 12

    def test_one_proof_that_the_server_is_gone_is_enough(self, make_pool: MakePool) -> None:
        check = Scripted()
        pool = make_pool(min_size=4, check=check, timeout=30)
        with held(pool):
            check.seen.clear()
        check._first.append(lose)

        pool.putconn(pool.getconn())

        assert len(check.seen) == 2
        assert pool.stats().open == 1


class TestACursorThatACallbackKeeps:
    @pytest.mark.parametrize("name", ["configure", "check", "reset"])
    def test_does_not_reach_a_borrowers_work(self, make_pool: MakePool, name: str) -> None:
        kept: list[psycopg.Cursor[Any]] = []
        pool = make_pool(**{name: lambda connection: kept.append(connection.execute("SELECT 1"))})
        pool.putconn(pool.getconn())

        with pool.connection() as connection:
            assert not connection.has_open_cursor()
            for cursor in kept:
                with pytest.raises(psycopg.InterfaceError):
                    cursor.execute("SELECT 2")


class TestAConnectionThatIsDeadAtOnce:
    def test_is_no_storm_of_connects(self, make_pool: MakePool, outside: psycopg.Connection[Any]) -> None:
        def configure(connection: PooledConnection) -> None:
            outside.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            eventually(lambda: is_at_its_end(connection))

        pool = make_pool(configure=configure)

        with pytest.raises(PoolTimeout):
            pool.getconn(timeout=1.0)

        assert pool.get_stats()["connections_num"] <= 12, pool.get_stats()


def is_at_its_end(connection: PooledConnection) -> bool:
    import select

    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))
