"""What get_stats() counts: the names are psycopg_pool's, and so is what they mean (contract line N3)."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from core.pool import SharedPool
from core.pool.deadlock import PoolDeadlock
from core.tests.fixtures import Crowd, eventually, held, when_waiting

MakePool = Callable[..., SharedPool]


class TestGetStats:
    def test_requests_errors_counts_who_waited_in_vain(self, pool_of_one: SharedPool) -> None:
        with held(pool_of_one), pytest.raises(PoolTimeout):
            pool_of_one.getconn(timeout=0.01)

        assert pool_of_one.get_stats()["requests_errors"] == 1

    def test_requests_errors_counts_who_found_the_queue_full(self, make_pool: MakePool) -> None:
        pool = make_pool(max_waiting=1)

        with held(pool):
            waiting = threading.Thread(target=lambda: pool.getconn().close())
            waiting.start()
            eventually(lambda: pool.stats().waiting == 1)
            with pytest.raises(TooManyRequests):
                pool.getconn()
        waiting.join()

        assert pool.get_stats()["requests_errors"] == 1

    def test_requests_errors_counts_a_deadlock(self, pool_of_one: SharedPool) -> None:
        with pool_of_one.connection(), pytest.raises(PoolDeadlock):
            pool_of_one.getconn()

        assert pool_of_one.get_stats()["requests_errors"] == 1

    def test_requests_errors_counts_who_waited_when_the_pool_was_closed(
        self, pool_of_one: SharedPool
    ) -> None:
        lent = pool_of_one.getconn()
        closer = when_waiting(pool_of_one, 1, pool_of_one.close)

        Crowd(1, lambda _: pool_of_one.getconn()).run()

        closer.join()
        assert pool_of_one.get_stats()["requests_errors"] == 1
        lent.close()

    def test_requests_num_counts_a_borrower_once_whatever_it_was_offered(self, make_pool: MakePool) -> None:
        pool = make_pool()
        pool.putconn(pool.getconn())
        pool.idle()[0].retire()

        pool.putconn(pool.getconn())

        assert pool.get_stats()["requests_num"] == 2

    def test_connections_num_counts_attempts(self, make_pool: MakePool) -> None:
        pool = make_pool(conninfo="host=/nonexistent")

        with pytest.raises(PoolTimeout):
            pool.getconn(timeout=0.2)
        eventually(lambda: pool.stats().connecting == 0)

        stats = pool.get_stats()
        assert stats["connections_num"] == stats["connections_errors"] > 0
        assert "connections_ms" not in stats

    def test_connections_lost_counts_what_check_found_dead(
        self, make_pool: MakePool, kill: Callable[[int], None]
    ) -> None:
        pool = make_pool(min_size=2)
        with held(pool) as lent:
            pids = [connection.info.backend_pid for connection in lent]
        kill(pids[0])

        pool.check()

        assert pool.get_stats()["connections_lost"] == 1
        assert pool.stats().checked_in == 1

    @pytest.mark.parametrize("end", ["returned", "discarded"])
    def test_usage_ms_is_the_time_that_connections_were_lent(self, pool_of_one: SharedPool, end: str) -> None:
        connection = pool_of_one.getconn()
        connection.loan.since -= 3.0
        if end == "discarded":
            connection.retire()

        pool_of_one.putconn(connection)

        assert 3_000 <= pool_of_one.get_stats()["usage_ms"] < 4_000

    def test_usage_ms_sums_up_what_is_shorter_than_a_millisecond(self, pool_of_one: SharedPool) -> None:
        for _ in range(20):
            connection = pool_of_one.getconn()
            connection.loan.since -= 0.0005
            pool_of_one.putconn(connection)

        assert pool_of_one.get_stats()["usage_ms"] >= 10

    def test_usage_ms_does_not_count_what_the_pool_itself_does(self, pool_of_one: SharedPool) -> None:
        pool_of_one.getconn().close()
        pool_of_one.pop_stats()

        pool_of_one.check()
        pool_of_one.drain()

        assert pool_of_one.get_stats()["usage_ms"] == 0


class TestPopStats:
    def test_begins_again_at_zero(self, pool_of_one: SharedPool) -> None:
        connection = pool_of_one.getconn()
        connection.loan.since -= 1.0
        pool_of_one.putconn(connection)

        first, second = pool_of_one.pop_stats(), pool_of_one.get_stats()

        assert first["usage_ms"] >= 1_000
        assert second["usage_ms"] == 0
        assert "requests_num" not in second


class TestAClosedPool:
    def test_still_answers(self, pool_of_one: SharedPool) -> None:
        pool_of_one.close()
        with suppress(PoolClosed):
            pool_of_one.getconn()

        assert pool_of_one.get_stats()["pool_max"] == 1
