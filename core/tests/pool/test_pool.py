"""The pool alone: bound, queue, growth, recycling (contract lines B1, B3, B4, B5, R1, R4, N1)."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests
from psycopg_pool.pool import MaintenanceTask

from core.pool import SharedPool
from core.pool.wait_queue import PoolFull, PoolLineFull, ServerUnreachable
from core.tests.fixtures import Crowd, eventually, held, when_waiting

MakePool = Callable[..., SharedPool]


def backend_pid(connection: psycopg.Connection[Any]) -> int:
    return connection.info.backend_pid


def is_waiting(pool: SharedPool, count: int) -> bool:
    return pool.stats().waiting == count


class TestBorrowing:
    def test_a_returned_connection_is_lent_again(self, pool_of_one: SharedPool) -> None:
        first = pool_of_one.getconn()
        pid = backend_pid(first)
        pool_of_one.putconn(first)

        second = pool_of_one.getconn()

        assert backend_pid(second) == pid
        pool_of_one.putconn(second)

    def test_one_borrower_at_a_time_opens_one_connection(
        self, make_pool: MakePool, backends: Callable[[], int]
    ) -> None:
        pool = make_pool(min_size=5, max_size=15)

        for _ in range(20):
            pool.putconn(pool.getconn())

        assert backends() == 1
        assert pool.stats().open == 1

    def test_an_eager_pool_opens_its_size_at_once(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=3, max_size=5, lazy=False)

        pool.wait()

        assert pool.stats().checked_in == 3

    def test_returning_twice_is_refused(self, pool_of_one: SharedPool) -> None:
        connection = pool_of_one.getconn()
        pool_of_one.putconn(connection)

        with pytest.raises(ValueError, match="doesn't come from any pool"):
            pool_of_one.putconn(connection)

        assert pool_of_one.stats().checked_in == 1

    def test_a_strangers_connection_is_refused(self, make_pool: MakePool) -> None:
        mine, other = make_pool(), make_pool()
        connection = other.getconn()

        with pytest.raises(ValueError, match="it comes from pool"):
            mine.putconn(connection)

        other.putconn(connection)

    def test_a_connection_of_nobodys_is_refused(
        self, pool_of_one: SharedPool, outside: psycopg.Connection[Any]
    ) -> None:
        with pytest.raises(ValueError, match="doesn't come from any pool"):
            pool_of_one.putconn(outside)  # type: ignore[arg-type]  # the mistake

        assert not outside.closed

    def test_close_ends_the_connection_and_frees_its_place(self, pool_of_one: SharedPool) -> None:
        connection = pool_of_one.getconn()

        connection.close()
        connection.close()

        with pytest.raises(psycopg.OperationalError, match="the connection is closed"):
            connection.execute("SELECT 1")
        assert pool_of_one.stats().open == 0
        pool_of_one.putconn(pool_of_one.getconn())

    def test_a_with_block_commits_and_gives_back(self, pool_of_one: SharedPool) -> None:
        with pool_of_one.connection() as connection:
            connection.autocommit = False
            connection.execute("CREATE TABLE with_block ()")

        with pool_of_one.connection() as connection:
            connection.execute("DROP TABLE with_block")
        assert pool_of_one.stats().checked_in == 1


class TestTheBound:
    def test_a_crowd_never_has_more_connections_than_the_bound(
        self, make_pool: MakePool, outside: psycopg.Connection[Any], backends: Callable[[], int]
    ) -> None:
        pool = make_pool(min_size=2, max_size=4)
        seen: list[int] = []
        is_over = threading.Event()

        def work(_: int) -> None:
            for _ in range(10):
                with pool.connection() as connection:
                    connection.execute("SELECT pg_sleep(0.002)")
                    stats = pool.stats()
                    assert stats.open == stats.checked_in + stats.checked_out + stats.connecting <= stats.max

        def watch() -> None:
            while not is_over.is_set():
                seen.append(backends())

        crowd = Crowd(32, work)
        watcher = threading.Thread(target=watch)
        watcher.start()
        crowd.run()
        is_over.set()
        watcher.join()

        assert not crowd.errors
        assert 1 < max(seen) <= 4

    def test_recycling_under_load_stays_within_the_bound(
        self, make_pool: MakePool, backends: Callable[[], int]
    ) -> None:
        pool = make_pool(min_size=3, max_size=3, max_lifetime=0.005)
        seen: list[int] = []

        def work(number: int) -> None:
            for _ in range(20):
                with pool.connection() as connection:
                    connection.execute("SELECT pg_sleep(0.003)")
                if number == 0:
                    seen.append(backends())

        crowd = Crowd(8, work).run()

        assert not crowd.errors
        # The server notices a goodbye a moment later than the pool: what counts is what the pool holds open.
        assert pool.stats().open <= 3
        assert pool.get_stats()["connections_num"] > 10

    def test_a_replaced_pool_and_its_successor_share_the_bound(self, make_pool: MakePool) -> None:
        old = make_pool(min_size=1, max_size=2)
        out = [old.getconn(), old.getconn()]
        old.close()
        new = make_pool(min_size=1, max_size=2)
        new.share(old.slots)

        with pytest.raises(PoolTimeout):
            new.lend(borrower="test", timeout=0.05)
        waiting = Crowd(1, lambda _: new.lend(borrower="test"))
        threading.Timer(0.05, lambda: old.putconn(out[0])).start()
        waiting.run()

        assert not waiting.errors
        assert old.slots.taken == 2
        old.putconn(out[1])
        new.putconn(waiting.results[0])
        assert old.slots.taken == 1

    def test_draining_closes_idle_connections_now_and_lent_ones_on_return(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2)
        lent, idle = pool.getconn(), pool.getconn()
        pool.putconn(idle)

        pool.drain()

        assert pool.stats().open == 1
        pool.putconn(lent)
        assert pool.stats().open == 0

    def test_resizing_moves_the_bound(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=1, max_size=1)
        first = pool.getconn()

        pool.resize(1, 2)

        second = pool.getconn()
        assert pool.stats().checked_out == pool.stats().max == 2
        pool.putconn(first)
        pool.putconn(second)

    def test_a_pool_that_is_closed_before_it_connects_gives_the_place_back(self, make_pool: MakePool) -> None:
        pool, may_go_on = make_pool(), threading.Event()

        class Busy(MaintenanceTask):
            def _run(self, pool: Any) -> None:
                may_go_on.wait()

        for _ in range(pool.num_workers):
            pool.run_task(Busy(pool))
        borrower = threading.Thread(target=try_to_borrow, args=(pool,))
        borrower.start()
        eventually(lambda: pool.slots.taken == 1)

        pool.close(timeout=0)
        may_go_on.set()
        borrower.join()

        eventually(lambda: pool.slots.taken == 0)
        assert pool.stats().open == 0


def try_to_borrow(pool: SharedPool) -> None:
    with suppress(PoolClosed, PoolTimeout):
        pool.getconn()


class TestTheQueue:
    def test_a_full_pool_says_how_full_it_is(self, pool_of_one: SharedPool) -> None:
        full = pytest.raises(PoolFull, match=r"no connection after \d+ ms: 1/1 in use, 0 idle, 1 waiting")
        with held(pool_of_one), full:
            pool_of_one.lend(borrower="test", timeout=0.05)

        assert pool_of_one.stats().waiting == 0

    def test_an_interrupted_look_at_a_connection_keeps_no_place(self, make_pool: MakePool) -> None:
        interruptions = [KeyboardInterrupt()]

        def check(_: psycopg.Connection[Any]) -> None:
            while interruptions:
                raise interruptions.pop()

        pool = make_pool(check=check)

        with pytest.raises(KeyboardInterrupt):
            pool.getconn()

        assert pool.stats().checked_out == 0
        pool.getconn().close()

    def test_a_caller_waits_at_most_its_timeout(self, pool_of_one: SharedPool) -> None:
        started = monotonic()

        with held(pool_of_one), pytest.raises(PoolTimeout):
            pool_of_one.lend(borrower="test", timeout=0.1)

        assert monotonic() - started >= 0.1

    def test_callers_are_served_first_come_first_served(self, pool_of_one: SharedPool) -> None:
        lent = pool_of_one.getconn()
        served: list[int] = []

        def borrow(number: int) -> None:
            connection = pool_of_one.getconn()
            served.append(number)
            pool_of_one.putconn(connection)

        threads = [threading.Thread(target=borrow, args=(number,)) for number in range(5)]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            eventually(partial(is_waiting, pool_of_one, number))
        pool_of_one.putconn(lent)
        for thread in threads:
            thread.join()

        assert served == [0, 1, 2, 3, 4]

    def test_a_bounded_queue_turns_the_next_one_away_at_once(self, make_pool: MakePool) -> None:
        pool = make_pool(max_waiting=1, name="north")
        lent = pool.getconn()
        waiting = threading.Thread(target=lambda: pool.putconn(pool.getconn()))
        waiting.start()
        eventually(lambda: pool.stats().waiting == 1)

        with pytest.raises(
            PoolLineFull, match="pool 'north': POOL_MAX_WAITING=1 borrowers wait already: 1/1 in use"
        ) as error:
            pool.getconn()

        assert isinstance(error.value, TooManyRequests)
        assert pool.get_stats()["requests_errors"] == 1
        pool.putconn(lent)
        waiting.join()

    def test_closing_sends_those_who_wait_away(self, pool_of_one: SharedPool) -> None:
        lent = pool_of_one.getconn()
        crowd = Crowd(2, lambda _: pool_of_one.getconn())
        closer = when_waiting(pool_of_one, 2, pool_of_one.close)

        crowd.run()
        closer.join()

        assert [type(error) for error in crowd.errors] == [PoolClosed, PoolClosed]
        pool_of_one.putconn(lent)
        assert pool_of_one.stats().open == 0


class TestConnectionsThatBreak:
    def test_one_that_breaks_while_lent_frees_its_place(
        self, pool_of_one: SharedPool, kill: Callable[[int], None]
    ) -> None:
        for _ in range(3):
            connection = pool_of_one.getconn()
            kill(backend_pid(connection))
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
            pool_of_one.putconn(connection)
            assert connection.broken

        assert pool_of_one.stats().open == 0
        pool_of_one.putconn(pool_of_one.getconn())
        assert pool_of_one.get_stats()["returns_bad"] == 3

    def test_one_left_in_the_middle_of_a_statement_is_replaced(self, pool_of_one: SharedPool) -> None:
        connection = pool_of_one.getconn()
        connection.pgconn.send_query(b"SELECT pg_sleep(60)")

        pool_of_one.putconn(connection)

        assert connection.closed
        assert pool_of_one.stats().open == 0

    def test_a_waiting_caller_gets_the_replacement(
        self, pool_of_one: SharedPool, kill: Callable[[int], None]
    ) -> None:
        lent = pool_of_one.getconn()
        crowd = Crowd(1, lambda _: pool_of_one.getconn())

        def break_and_return() -> None:
            kill(backend_pid(lent))
            with pytest.raises(psycopg.OperationalError):
                lent.execute("SELECT 1")
            pool_of_one.putconn(lent)

        returner = when_waiting(pool_of_one, 1, break_and_return)

        crowd.run()
        returner.join()

        assert crowd.results[0].execute("SELECT 1").fetchone() == (1,)
        pool_of_one.putconn(crowd.results[0])


class TestRecycling:
    def test_an_old_connection_is_replaced_when_it_is_taken(self, make_pool: MakePool) -> None:
        pool = make_pool()
        connection = pool.getconn()
        pid = backend_pid(connection)
        pool.putconn(connection)
        connection._expire_at = monotonic() - 1

        again = pool.getconn()

        assert backend_pid(again) != pid
        assert connection.closed
        pool.putconn(again)

    def test_an_old_connection_is_closed_when_it_comes_back(self, make_pool: MakePool) -> None:
        pool = make_pool()
        connection = pool.getconn()
        connection._expire_at = monotonic() - 1

        pool.putconn(connection)

        assert connection.closed
        assert pool.stats().open == 0

    def test_lifetimes_differ_so_that_not_all_end_at_once(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=5, max_lifetime=1000)
        connections = [pool.getconn() for _ in range(5)]

        lifetimes = {round(c._expire_at - c._created_at, 3) for c in connections}

        assert len(lifetimes) == 5
        assert all(950 <= lifetime <= 1000 for lifetime in lifetimes)
        for connection in connections:
            pool.putconn(connection)


class TestAnUnreachableServer:
    def test_callers_learn_that_it_did_not_answer(self, make_pool: MakePool) -> None:
        pool = make_pool(conninfo="host=/nonexistent", timeout=0.1)

        with pytest.raises(ServerUnreachable, match="the server has not answered"):
            pool.getconn()

        eventually(lambda: pool.stats().connecting == 0)
        assert pool.slots.taken == 0

    def test_a_caller_who_waits_is_served_once_the_server_is_there(
        self, make_pool: MakePool, postgres: Any
    ) -> None:
        addresses = ["host=/nonexistent"]
        pool = make_pool(conninfo=lambda: addresses[-1])
        crowd = Crowd(1, lambda _: pool.getconn())
        threading.Timer(0.2, lambda: addresses.append(postgres.url())).start()

        crowd.run()

        assert not crowd.errors
        pool.putconn(crowd.results[0])

    def test_a_hung_connect_does_not_delay_a_return(self, make_pool: MakePool, postgres: Any) -> None:
        from core.tests.proxy import Proxy

        with Proxy(postgres) as proxy:
            pool = make_pool(min_size=1, max_size=3, conninfo=proxy.url(), timeout=5)
            lent = pool.getconn()
            proxy.go_deaf()
            crowd = Crowd(1, lambda _: pool.getconn())
            returner = when_waiting(pool, 1, partial(pool.putconn, lent))

            crowd.run()

            assert crowd.results == [lent]
            assert pool.stats().connecting == 1
            pool.putconn(lent)
            returner.join()
