"""A pool that was made without Django, in a forked child of its process (contract line R9)."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolClosed, PoolTimeout

from core.pool import SharedPool
from core.pool.connection import RETURNED, PooledConnection
from core.tests.children import FORK_MARKS, held_by_another_thread, in_child
from core.tests.fixtures import Crowd, eventually, held

pytestmark = FORK_MARKS

MakePool = Callable[..., SharedPool]


def pid_of(pool: SharedPool) -> Any:
    with pool.connection() as connection:
        return connection.execute("SELECT pg_backend_pid()").fetchone()


class TestAnOpenPool:
    def test_opens_connections_of_its_own(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2)
        mine = pid_of(pool)

        theirs, stats = in_child(lambda: (pid_of(pool), pool.stats()))

        assert theirs != mine
        assert (stats.open, stats.checked_in) == (1, 1)
        assert pid_of(pool) == mine

    def test_counts_from_zero(self, make_pool: MakePool) -> None:
        pool = make_pool()
        pid_of(pool)

        assert in_child(lambda: (pid_of(pool), pool.get_stats()["requests_num"]))[1] == 1

    def test_fills_itself_when_it_is_not_lazy(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2, lazy=False)
        pool.wait()

        def fill() -> int:
            pid_of(pool)
            eventually(lambda: pool.stats().checked_in == 2)
            return pool.stats().open

        assert in_child(fill) == 2

    @pytest.mark.parametrize("lock", ["pool", "slots"])
    def test_works_though_another_thread_was_inside_its_lock(self, make_pool: MakePool, lock: str) -> None:
        pool = make_pool()
        pid_of(pool)

        with held_by_another_thread(pool._lock if lock == "pool" else pool.slots._lock):
            assert in_child(lambda: pid_of(pool)) is not None

    def test_refuses_a_cursor_that_was_kept_though_another_thread_was_refused_just_then(
        self, pool_of_one: SharedPool
    ) -> None:
        with pool_of_one.connection() as connection:
            cursor = connection.cursor()

        def use() -> None:
            with pytest.raises(psycopg.InterfaceError):
                cursor.execute("SELECT 1")

        with held_by_another_thread(RETURNED.lock):
            in_child(use)

    def test_works_though_others_waited_in_its_queue(self, pool_of_one: SharedPool) -> None:
        crowd = threading.Thread(target=Crowd(3, lambda _: pid_of(pool_of_one)).run)
        with held(pool_of_one):
            crowd.start()
            eventually(lambda: pool_of_one.stats().waiting == 3)

            _, stats = in_child(lambda: (pid_of(pool_of_one), pool_of_one.stats()))

        crowd.join()
        assert (stats.waiting, stats.checked_out) == (0, 0)

    def test_works_though_a_connect_was_under_way(self, make_pool: MakePool) -> None:
        begun, may_go_on = threading.Event(), threading.Event()

        def configure(_: PooledConnection) -> None:
            if not begun.is_set():
                begun.set()
                may_go_on.wait()

        pool = make_pool(configure=configure)
        borrower = threading.Thread(target=pid_of, args=(pool,))
        borrower.start()
        begun.wait(10)

        _, stats = in_child(lambda: (pid_of(pool), pool.stats()))

        may_go_on.set()
        borrower.join()
        assert (stats.open, stats.connecting) == (1, 0)

    def test_works_though_it_was_about_to_end(self, pool_of_one: SharedPool) -> None:
        with held(pool_of_one):
            end = threading.Thread(target=pool_of_one.shut_down, args=(10,))
            end.start()
            eventually(lambda: pool_of_one.is_finishing)

            assert in_child(lambda: pid_of(pool_of_one)) is not None
        end.join()

    def test_is_closed_once_the_child_closed_it(self, make_pool: MakePool) -> None:
        pool = make_pool()
        pid_of(pool)

        def close_and_borrow() -> None:
            pool.close()
            with pytest.raises(PoolClosed):
                pool.getconn()

        in_child(close_and_borrow)

    def test_works_in_a_grandchild(self, make_pool: MakePool) -> None:
        pool = make_pool()

        pids = {pid_of(pool), *in_child(lambda: (pid_of(pool), in_child(lambda: pid_of(pool))))}

        assert len(pids) == 3

    def test_works_wherever_its_threads_were_just_then(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2, max_size=4, max_lifetime=0.01, timeout=15)
        is_over = threading.Event()

        def work() -> None:
            while not is_over.is_set():
                with suppress(PoolTimeout):
                    pid_of(pool)

        workers = [threading.Thread(target=work) for _ in range(6)]
        for worker in workers:
            worker.start()

        assert all(in_child(lambda: pid_of(pool)) for _ in range(20))

        is_over.set()
        for worker in workers:
            worker.join()


class TestAPoolThatIsNotOpen:
    def test_stays_as_it_is(self, make_pool: MakePool, postgres: Any) -> None:
        closed = make_pool()
        closed.close()
        unopened = SharedPool(postgres.url(), min_size=1, open=False)

        def borrow() -> list[str]:
            messages = []
            for pool in (closed, unopened):
                with pytest.raises(PoolClosed) as error:
                    pool.getconn()
                messages.append(str(error.value))
            return messages

        assert [message.rpartition("' ")[2] for message in in_child(borrow)] == [
            "is already closed",
            "is not open yet",
        ]
