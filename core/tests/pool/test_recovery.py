"""What callers see when the server goes away and comes back (contract lines B2, B6, R2, R3, R5)."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from core.embedded import THROWAWAY_PARAMETERS, EmbeddedPostgres
from core.pool import SharedPool
from core.pool.connection import PooledConnection
from core.tests.fixtures import Crowd, eventually, held, when_waiting
from core.tests.proxy import Proxy

MakePool = Callable[..., SharedPool]


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, which it may stop, freeze and kill."""
    with tempfile.TemporaryDirectory(prefix="turnstile-recovery-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", parameters=THROWAWAY_PARAMETERS)
        server.start()
        yield server
        server.remove()


def fill(pool: SharedPool) -> list[int]:
    """Open every connection of the pool, leave them idle, and return their backends' pids."""
    with held(pool) as lent:
        return [connection.info.backend_pid for connection in lent]


def select_one(pool: SharedPool) -> Any:
    with pool.connection() as connection:
        return connection.execute("SELECT 1").fetchone()


class CountingConnection(PooledConnection):
    """Counts the round trips to the server."""

    round_trips = 0

    def wait(self, *arguments: Any, **options: Any) -> Any:
        type(self).round_trips += 1
        return super().wait(*arguments, **options)


class TestLiveness:
    def test_taking_and_returning_costs_no_round_trip(self, pool_of_one: SharedPool) -> None:
        pool_of_one.connection_class = CountingConnection
        select_one(pool_of_one)
        CountingConnection.round_trips = 0

        for _ in range(10):
            pool_of_one.putconn(pool_of_one.getconn())

        assert CountingConnection.round_trips == 0

    def test_a_connection_that_was_killed_while_idle_is_not_lent(
        self, pool_of_one: SharedPool, kill: Callable[[int], None]
    ) -> None:
        (pid,) = fill(pool_of_one)
        kill(pid)

        connection = pool_of_one.getconn()

        assert connection.info.backend_pid != pid
        assert connection.execute("SELECT 1").fetchone() == (1,)
        pool_of_one.putconn(connection)
        assert pool_of_one.get_stats()["connections_lost"] == 1

    def test_a_notice_while_idle_is_no_reason_to_drop_it(
        self, pool_of_one: SharedPool, outside: psycopg.Connection[Any]
    ) -> None:
        with pool_of_one.connection() as connection:
            connection.execute("LISTEN gate")
            pid = connection.info.backend_pid
        # In one transaction: they arrive together.
        outside.execute("SELECT pg_notify('gate', number::text) FROM generate_series(1, 100) AS number")
        eventually(lambda: connection.poll(0))

        with pool_of_one.connection() as connection:
            assert connection.info.backend_pid == pid
            assert list(connection.notifies(timeout=0)) == []

    def test_after_a_while_of_idleness_it_is_asked(
        self, make_pool: MakePool, postgres: EmbeddedPostgres
    ) -> None:
        with Proxy(postgres) as proxy:
            pool = make_pool(conninfo=proxy.url(), ping_after=0.0)
            fill(pool)
            proxy.cut()
            assert select_one(pool) == (1,)

            (pid,) = fill(pool)
            pool.connection_class = CountingConnection
            CountingConnection.round_trips = 0
            with pool.connection() as connection:
                assert connection.info.backend_pid == pid

    def test_a_wire_that_went_deaf_is_noticed_by_the_ping(
        self, make_pool: MakePool, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("core.pool.pool.PING_SECONDS", 0.1)
        with Proxy(postgres) as proxy:
            addresses = [proxy.url()]
            pool = make_pool(min_size=3, conninfo=lambda: addresses[-1], ping_after=0.0)
            old = fill(pool)
            proxy.go_deaf()
            addresses.append(postgres.url())

            with pool.connection() as connection:
                assert connection.info.backend_pid not in old

            assert pool.stats().open == 1


class TestARestart:
    @pytest.mark.parametrize("mode", ["fast", "immediate"])
    def test_no_request_fails_after_it_and_stale_connections_go_in_one_pass(
        self, make_pool: MakePool, server: EmbeddedPostgres, mode: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        pool = make_pool(min_size=5, max_size=15, conninfo=server.url())
        fill(pool)
        assert pool.stats().checked_in == 15
        server.restart(mode)

        with caplog.at_level(logging.WARNING, "core.pool.pool"):
            crowd = Crowd(20, lambda _: select_one(pool)).run()

        assert crowd.errors == []
        assert len([r for r in caplog.records if "older ones are replaced" in r.message]) == 1

    def test_a_killed_server_is_noticed_as_well(self, make_pool: MakePool, server: EmbeddedPostgres) -> None:
        import signal

        pool = make_pool(min_size=3, conninfo=server.url())
        fill(pool)
        server.signal(signal.SIGKILL)
        server.start()

        assert select_one(pool) == (1,)

    def test_callers_wait_while_the_server_is_away_and_are_served_when_it_is_back(
        self, make_pool: MakePool, server: EmbeddedPostgres
    ) -> None:
        pool = make_pool(min_size=5, max_size=15, conninfo=server.url(), timeout=20)
        fill(pool)
        server.stop()
        starter = when_waiting(pool, 20, server.start)

        crowd = Crowd(20, lambda _: select_one(pool)).run()
        starter.join()

        assert crowd.errors == []
        assert pool.stats().open <= 15

    def test_a_connection_that_breaks_in_use_marks_the_others(
        self, make_pool: MakePool, kill: Callable[[int], None]
    ) -> None:
        pool = make_pool(min_size=3)
        fill(pool)
        connection = pool.getconn()
        kill(connection.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")

        connection.close()

        assert pool.stats().open == 0

    def test_a_frozen_server_holds_callers_up_and_loses_none(
        self, make_pool: MakePool, server: EmbeddedPostgres
    ) -> None:
        import signal

        pool = make_pool(min_size=2, max_size=4, conninfo=server.url(), timeout=20)
        fill(pool)
        server.signal(signal.SIGSTOP)
        thaw = when_waiting(pool, 1, lambda: server.signal(signal.SIGCONT))

        crowd = Crowd(8, lambda _: select_one(pool)).run()
        thaw.join()

        assert crowd.errors == []


class TestTooManyConnections:
    def test_a_server_without_room_is_back_pressure_not_an_error(
        self, make_pool: MakePool, server: EmbeddedPostgres
    ) -> None:
        server.parameters |= {"max_connections": "8", "superuser_reserved_connections": "0"}
        server.restart()
        pools = [make_pool(min_size=5, max_size=15, conninfo=server.url(), timeout=20) for _ in range(2)]

        def work(number: int) -> Any:
            with pools[number % 2].connection() as connection:
                return connection.execute("SELECT pg_sleep(0.01)").fetchone()

        crowd = Crowd(40, work).run()

        assert crowd.errors == []
        assert len(crowd.results) == 40

    def test_the_error_says_what_the_server_answered_when_it_lasts(
        self, make_pool: MakePool, server: EmbeddedPostgres
    ) -> None:
        server.parameters |= {"max_connections": "6", "superuser_reserved_connections": "0"}
        server.restart()
        first = make_pool(min_size=6, conninfo=server.url())
        second = make_pool(conninfo=server.url(), timeout=0.3)

        with held(first), pytest.raises(PoolTimeout, match="too many clients"):
            second.getconn()


class TestAReadOnlyStandby:
    def test_a_refused_write_empties_the_pool(self, make_pool: MakePool, server: EmbeddedPostgres) -> None:
        pool = make_pool(min_size=3, conninfo=server.url())
        fill(pool)
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            admin.execute("SELECT pg_reload_conf()")
        with pool.connection() as connection:
            eventually(lambda: connection.execute("SHOW transaction_read_only").fetchone() == ("on",))

        connection = pool.getconn()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE refused ()")
        connection.close()

        assert pool.stats().open == 0

    def test_a_transaction_that_is_read_only_by_choice_does_not(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=3)
        fill(pool)

        with pool.connection() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("BEGIN READ ONLY; CREATE TABLE refused ()")

        assert pool.stats().checked_in == 3


class TestOverflow:
    def test_all_of_it_closes_after_a_short_idleness(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2, max_size=8, max_idle=0.2)
        fill(pool)
        assert pool.stats().overflow == 6

        eventually(lambda: pool.stats().open == 2)

        assert pool.stats().checked_in == 2

    def test_what_is_used_again_and_again_stays(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=1, max_size=4, max_idle=0.3)

        for _ in range(6):
            fill(pool)

        assert pool.get_stats()["connections_num"] == 4
