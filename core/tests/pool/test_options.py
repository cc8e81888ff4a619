"""The pool takes psycopg_pool's options, with their meanings, or refuses them by name (contract line M2)."""

import inspect
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.pool.connection import PooledConnection
from core.tests.fixtures import Crowd, eventually

MakePool = Callable[..., SharedPool]

NOWHERE = "host=/nonexistent"


class GateConnection(PooledConnection):
    """A class of the project's own."""


@pytest.fixture
def addresses(postgres: EmbeddedPostgres) -> "Addresses":
    return Addresses(postgres.url())


class Addresses:
    """Where the server is: a `conninfo` that a test changes."""

    def __init__(self, url: str) -> None:
        self.url, self.is_away, self.asked = url, False, 0

    def __call__(self) -> str:
        self.asked += 1
        return NOWHERE if self.is_away else self.url


class TestEveryOption:
    def test_of_psycopg_pool_is_one_of_these(self) -> None:
        names = set(inspect.signature(ConnectionPool).parameters)

        assert names == {
            *("conninfo", "kwargs", "connection_class", "configure", "check", "reset", "close_returns"),
            *("min_size", "max_size", "open", "name", "timeout", "max_waiting", "max_lifetime", "max_idle"),
            *("reconnect_timeout", "reconnect_failed", "num_workers"),
        }

    def test_that_nobody_knows_is_refused_by_name(self) -> None:
        with pytest.raises(TypeError, match="min_sise"):
            SharedPool(min_sise=1, open=False)

    @pytest.mark.parametrize(
        "options", [{"min_size": 3, "max_size": 2}, {"min_size": -1}, {"num_workers": 0}, {"min_size": 0}]
    )
    def test_that_makes_no_sense_is_refused_as_by_psycopg_pool(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"min_size|num_workers"):
            SharedPool(open=False, **options)


class TestWhereToConnect:
    def test_conninfo_may_come_first(self, postgres: EmbeddedPostgres) -> None:
        with SharedPool(postgres.url(), min_size=1, open=False) as pool, pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    def test_conninfo_and_kwargs_may_be_callables_that_are_asked_at_each_connect(
        self, make_pool: MakePool, addresses: Addresses
    ) -> None:
        numbers = itertools.count(1)
        pool = make_pool(conninfo=addresses, kwargs=lambda: {"application_name": f"gate-{next(numbers)}"})
        names = []

        for _ in range(2):
            with pool.connection() as connection:
                names.append(connection.execute("SHOW application_name").fetchone())
            pool.drain()

        assert names == [("gate-1",), ("gate-2",)]
        assert addresses.asked == 2

    def test_what_the_callable_raises_is_a_failed_connect(self, make_pool: MakePool) -> None:
        def no_password() -> str:
            raise FileNotFoundError("/run/secrets/password")

        pool = make_pool(conninfo=no_password)

        with pytest.raises(PoolTimeout, match="/run/secrets/password"):
            pool.getconn(timeout=0.1)


class TestConnectionClass:
    def test_a_subclass_of_ours_is_lent(self, make_pool: MakePool) -> None:
        with make_pool(connection_class=GateConnection).connection() as connection:
            assert type(connection) is GateConnection

    @pytest.mark.parametrize("other", [psycopg.Connection, psycopg.AsyncConnection, object, "Connection"])
    def test_any_other_is_refused_with_the_reason(self, other: Any) -> None:
        with pytest.raises(TypeError, match="connection_class must be a subclass of PooledConnection"):
            SharedPool(connection_class=other, open=False)


class TestCloseReturns:
    def test_without_it_close_ends_the_connection_and_frees_its_place(self, make_pool: MakePool) -> None:
        pool = make_pool(close_returns=False)
        connection = pool.getconn()
        connection.execute("BEGIN")

        connection.close()

        assert connection.closed
        assert not connection.broken
        assert pool.stats().open == pool.slots.taken == 0

    def test_without_it_a_block_gives_the_connection_back(self, make_pool: MakePool) -> None:
        pool = make_pool(close_returns=False)

        with pool.connection():
            pass

        assert pool.stats().checked_in == 1

    def test_without_it_one_who_waits_gets_the_place(self, make_pool: MakePool) -> None:
        pool = make_pool(close_returns=False)
        connection = pool.getconn()
        crowd = Crowd(1, lambda _: pool.putconn(pool.getconn()))
        threading.Timer(0.1, connection.close).start()

        crowd.run()

        assert not crowd.errors


class TestMaxLifetime:
    def test_zero_uses_each_connection_once(self, make_pool: MakePool) -> None:
        pool = make_pool(max_lifetime=0)
        pids = []

        for _ in range(2):
            with pool.connection() as connection:
                pids.append(connection.info.backend_pid)

        assert len(set(pids)) == 2
        assert pool.get_stats()["connections_num"] == 2
        assert pool.stats().open == 0


class TestNumWorkers:
    def test_is_how_many_connects_may_hang_at_a_time(self, make_pool: MakePool) -> None:
        may_go_on = threading.Event()
        pool = make_pool(max_size=5, num_workers=2, configure=lambda _: may_go_on.wait())
        crowd = threading.Thread(target=Crowd(5, lambda _: pool.getconn(timeout=0.5)).run)
        crowd.start()

        eventually(lambda: pool.stats().waiting == 5)
        assert pool.stats().connecting == 2

        crowd.join()
        may_go_on.set()


class TestOpen:
    def test_false_waits_for_open(self, postgres: EmbeddedPostgres) -> None:
        pool = SharedPool(postgres.url(), min_size=1, open=False)

        with pytest.raises(PoolClosed, match="not open yet"):
            pool.getconn()

        pool.open(wait=True)
        assert pool.stats().checked_in == 1
        pool.close()

    @pytest.mark.parametrize("value", [True, None])
    def test_otherwise_it_is_open_at_once(self, postgres: EmbeddedPostgres, value: Any) -> None:
        pool = SharedPool(postgres.url(), min_size=1, open=value)

        eventually(lambda: pool.stats().checked_in == 1)
        pool.lend(borrower="django").close()
        pool.close()

    def test_left_out_is_warned_of_once_as_by_psycopg_pool(self, postgres: EmbeddedPostgres) -> None:
        pool = SharedPool(postgres.url(), min_size=1)

        with pytest.warns(DeprecationWarning, match="'open' parameter"):
            pool.putconn(pool.getconn())

        pool.putconn(pool.getconn())
        pool.close()

    def test_left_out_is_right_for_a_with_block(self, postgres: EmbeddedPostgres) -> None:
        with SharedPool(postgres.url(), min_size=1) as pool, pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


class Failures:
    """A `reconnect_failed` that notes when it was called, in seconds since it was made."""

    def __init__(self) -> None:
        self._made_at = monotonic()
        self.seconds: list[float] = []
        self.pools: list[Any] = []

    def __call__(self, pool: Any) -> None:
        self.seconds.append(monotonic() - self._made_at)
        self.pools.append(pool)


def pool_that_gave_up(make_pool: MakePool, addresses: Addresses, *, min_size: int) -> SharedPool:
    """Return a pool whose server was away for longer than its `reconnect_timeout`; nobody waits."""
    failed = Failures()
    addresses.is_away = True
    pool = make_pool(
        conninfo=addresses, min_size=min_size, lazy=False, reconnect_timeout=0.1, reconnect_failed=failed
    )
    eventually(lambda: failed.seconds)
    eventually(lambda: pool.stats().connecting == 0)
    return pool


@pytest.fixture
def connect_log(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], int]]:
    """Counts the failed connects that were logged."""
    with caplog.at_level(logging.WARNING, "core.pool.pool"):
        yield lambda: len([r for r in caplog.records if "cannot connect" in r.getMessage()])


class TestReconnecting:
    def test_reconnect_failed_is_called_once_after_so_long(self, make_pool: MakePool) -> None:
        failed = Failures()
        pool = make_pool(
            conninfo=NOWHERE, min_size=4, lazy=False, reconnect_timeout=0.5, reconnect_failed=failed
        )

        eventually(lambda: failed.seconds)
        threading.Event().wait(1.0)

        assert failed.pools == [pool]
        assert failed.seconds[0] >= 0.5

    def test_then_the_pool_rests_until_somebody_asks(self, make_pool: MakePool, addresses: Addresses) -> None:
        pool = pool_that_gave_up(make_pool, addresses, min_size=3)
        asked = addresses.asked
        threading.Event().wait(0.5)
        assert addresses.asked == asked

        addresses.is_away = False
        pool.getconn().close()

        eventually(lambda: pool.stats().checked_in == 3)

    @pytest.mark.parametrize("ask", [SharedPool.check, SharedPool.drain, lambda pool: pool.resize(2, 3)])
    def test_whoever_manages_the_pool_asks_as_well(
        self, make_pool: MakePool, addresses: Addresses, ask: Callable[[SharedPool], None]
    ) -> None:
        pool = pool_that_gave_up(make_pool, addresses, min_size=2)
        addresses.is_away = False

        ask(pool)

        eventually(lambda: pool.stats().checked_in == 2)

    def test_a_lazy_pool_calls_it_too_while_somebody_waits(self, make_pool: MakePool) -> None:
        failed = Failures()
        pool = make_pool(conninfo=NOWHERE, reconnect_timeout=0.3, reconnect_failed=failed)

        with pytest.raises(PoolTimeout):
            pool.getconn(timeout=1.0)

        assert failed.pools[0] is pool

    def test_what_it_raises_ends_no_worker(self, make_pool: MakePool, addresses: Addresses) -> None:
        def fail(_: Any) -> None:
            raise LookupError("a mistake in the callback")

        addresses.is_away = True
        pool = make_pool(
            conninfo=addresses, num_workers=1, lazy=False, reconnect_timeout=0, reconnect_failed=fail
        )
        with suppress(PoolTimeout):
            pool.getconn(timeout=0.3)

        addresses.is_away = False

        pool.getconn().close()

    def test_without_anybody_waiting_it_is_tried_more_and_more_rarely(
        self, make_pool: MakePool, connect_log: Callable[[], int]
    ) -> None:
        make_pool(conninfo=NOWHERE, min_size=5, lazy=False)

        threading.Event().wait(3.0)

        # 0.05 s after the first failure, then 0.1, 0.2, 0.4, 0.8, 1.6 s later.
        assert 1 <= connect_log() <= 8

    def test_a_borrower_does_not_wait_for_that(self, make_pool: MakePool, addresses: Addresses) -> None:
        addresses.is_away = True
        pool = make_pool(conninfo=addresses, min_size=1, lazy=False, timeout=30)
        eventually(lambda: pool.state.growth.retry_at > monotonic() + 1.2)
        addresses.is_away = False

        started = monotonic()
        pool.getconn().close()

        assert monotonic() - started < 0.9
