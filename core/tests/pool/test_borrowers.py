"""Borrowers that block one another, keep connections, die, or leave (contract lines L6, R6, R7, R10)."""

import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolClosed
from sqlalchemy import text

from core import db
from core.pool import SharedPool
from core.pool.deadlock import PoolDeadlock
from core.pool.wait_queue import PoolFull
from core.tests.fixtures import Crowd, eventually, held, when_waiting

MakePool = Callable[..., SharedPool]


class TestADeadlock:
    def test_a_thread_that_waits_for_itself_is_told_at_once(self, pool_of_one: SharedPool) -> None:
        with pool_of_one.connection(), pytest.raises(PoolDeadlock) as error:
            pool_of_one.lend(borrower="sqlalchemy")

        assert "all 1 connections are held by threads that wait for another" in str(error.value)
        assert re.search(r"thread MainThread \(django\) for \d\.\d s, borrowed at", str(error.value))
        assert "test_borrowers.py" in str(error.value)

    @pytest.mark.parametrize("threads", [15, 20, 60])
    def test_one_caller_gets_an_error_and_the_others_go_on(self, make_pool: MakePool, threads: int) -> None:
        pool = make_pool(min_size=5, max_size=15, timeout=30)
        all_are_out = threading.Event()
        first_ones = threading.Barrier(15, action=all_are_out.set)

        def borrow_two(number: int) -> None:
            if number >= 15:
                all_are_out.wait(20)
            with pool.connection():
                if number < 15:
                    first_ones.wait(20)  # nobody asks for a second before all connections are out
                with pool.connection() as inner:
                    inner.execute("SELECT 1")

        crowd = Crowd(threads, borrow_two).run()

        assert [type(error) for error in crowd.errors] == [PoolDeadlock]
        assert len(crowd.results) == threads - 1
        assert pool.stats().checked_out == 0

    def test_those_behind_it_do_not_block_one_another_again(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=5, max_size=15, timeout=30, reserve_seconds=60)
        all_are_out = threading.Event()
        first_ones = threading.Barrier(15, action=all_are_out.set)
        # Two more rounds of as many as the pool lets in. None of a round goes on before all of it are in.
        next_ones = threading.Barrier(14)

        def borrow_two(number: int) -> None:
            if number >= 15:
                all_are_out.wait(20)
            with pool.connection():
                (first_ones if number < 15 else next_ones).wait(20)
                with pool.connection() as inner:
                    inner.execute("SELECT 1")

        crowd = Crowd(15 + 2 * 14, borrow_two).run()

        assert [type(error) for error in crowd.errors] == [PoolDeadlock]

    def test_a_holder_is_served_before_those_who_hold_none(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2)
        served: list[str] = []
        with held(pool, 1), pool.connection():

            def come_without() -> None:
                connection = pool.getconn()
                served.append("newcomer")
                connection.close()

            newcomer = threading.Thread(target=come_without)
            newcomer.start()
            eventually(lambda: pool.stats().waiting == 1)
            # The other holder returns its connection as soon as this thread waits too.
            freed = when_waiting(pool, 2, lambda: release(pool))
            second = pool.getconn()
            served.append("holder")
            second.close()
            freed.join()
        newcomer.join()

        assert served[0] == "holder"

    def test_no_alarm_while_one_holder_still_works(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2)
        with pool.connection(), held(pool, 1):
            freed = when_waiting(pool, 1, lambda: release(pool))

            pool.getconn().close()

            freed.join()


class TestThePlaceKeptAfterADeadlock:
    def test_is_not_for_one_who_holds_none(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2, reserve_seconds=60)
        run_into_a_deadlock(pool)

        with held(pool, 1), pytest.raises(PoolFull, match="1/2 in use, 1 idle"):
            pool.getconn(timeout=0.2)

    def test_is_for_one_who_holds_a_connection_whoever_waits(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2, reserve_seconds=60)
        run_into_a_deadlock(pool)
        newcomer = threading.Thread(target=lambda: pool.getconn().close())

        with pool.connection():
            newcomer.start()
            eventually(lambda: pool.stats().waiting == 1)
            second = pool.getconn(timeout=0)
            second.close()

        newcomer.join()
        assert pool.stats().checked_out == 0

    def test_goes_to_those_who_wait_when_nobody_uses_it_any_more(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2, timeout=30, reserve_seconds=0.3)
        run_into_a_deadlock(pool)

        with held(pool, 1):
            pool.getconn().close()

        assert pool.state.queue.reserve is None

    def test_stays_while_one_who_holds_a_connection_waits(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=3, timeout=30, reserve_seconds=60)
        run_into_a_deadlock(pool)
        reserve = pool.state.queue.reserve
        assert reserve is not None
        kept: list[bool] = []

        def let_time_pass() -> None:
            reserve._ends_at = 0.0
            pool.end_reserve()
            kept.append(pool.state.queue.reserve is reserve)
            release(pool)

        with held(pool, 1), pool.connection(), pool.connection():
            passed = when_waiting(pool, 1, let_time_pass)
            pool.getconn().close()
            passed.join()

        assert kept == [True]

    def test_is_never_the_only_one(self, pool_of_one: SharedPool) -> None:
        run_into_a_deadlock(pool_of_one)

        pool_of_one.getconn().close()

        assert pool_of_one.stats().checked_out == 0


def run_into_a_deadlock(pool: SharedPool) -> None:
    """Let this thread hold every connection and ask for one more."""
    with ExitStack() as stack:
        for _ in range(pool.max_size):
            stack.enter_context(pool.connection())
        with pytest.raises(PoolDeadlock):
            pool.getconn()


def release(pool: SharedPool) -> None:
    """Return what the thread named `holder` has, in its place."""
    for connection, loan in pool.loans():
        if loan.thread.name == "holder":
            connection.close()


class TestALeak:
    def test_it_is_reported_once_with_the_borrowers_stack(
        self, make_pool: MakePool, caplog: pytest.LogCaptureFixture
    ) -> None:
        pool = make_pool(leak_seconds=0.2)

        with caplog.at_level(logging.WARNING, "core.pool.leaks"):
            connection = pool.getconn()
            eventually(lambda: reports(caplog, "held too long"))
            connection.close()

        (report,) = reports(caplog, "held too long")
        assert "test_it_is_reported_once_with_the_borrowers_stack" in report
        assert "connection = pool.getconn()" in report
        assert len(reports(caplog, "came back after all")) == 1

    def test_one_that_came_back_in_time_is_not(
        self, make_pool: MakePool, caplog: pytest.LogCaptureFixture
    ) -> None:
        pool = make_pool(leak_seconds=0.5)

        with caplog.at_level(logging.WARNING, "core.pool.leaks"):
            for _ in range(3):
                pool.getconn().close()
                pool.watch_loans()

        assert caplog.records == []

    def test_one_that_is_handed_over_came_back(
        self, django_pool: SharedPool, caplog: pytest.LogCaptureFixture
    ) -> None:
        from django.db import connection

        connection.ensure_connection()
        django_pool.loans()[0][1].is_reported = True

        db.get_engine().connect().close()

        assert "came back after all" in caplog.text


def reports(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if words in record.getMessage()]


class TestADeadThread:
    def test_its_connection_is_free_again(self, make_pool: MakePool) -> None:
        pool = make_pool(leak_seconds=0.4)
        Crowd(1, lambda _: pool.getconn()).run()

        eventually(lambda: pool.stats().checked_out == 0)

        assert pool.slots.taken == 0

    def test_a_borrower_who_waits_does_not_wait_for_its_timeout(self, make_pool: MakePool) -> None:
        pool = make_pool(timeout=30, leak_seconds=60)
        Crowd(1, lambda _: pool.getconn()).run()

        started = monotonic()
        pool.getconn().close()

        assert monotonic() - started < pool.timeout / 2

    def test_its_django_connection_is_free_again_too(self, django_pool: SharedPool) -> None:
        from django.db import connection

        thread = threading.Thread(target=lambda: connection.ensure_connection())  # noqa: PLW0108 - its own
        thread.start()
        thread.join()

        django_pool.watch_loans()

        assert django_pool.stats().checked_out == 0

    def test_a_wrapper_that_another_thread_filled_can_still_be_closed(self, django_pool: SharedPool) -> None:
        from django.db import connection

        thread = threading.Thread(target=connection.ensure_connection)
        thread.start()
        thread.join()
        django_pool.watch_loans()

        connection.close()

        connection.ensure_connection()
        assert django_pool.stats().checked_out == 1


class TestAConnectionOfAThreadThatEnded:
    """A thread opens it, another one uses it: it lives as long as its user."""

    def borrow_in_a_thread(self, borrow: Callable[[], Any]) -> Any:
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(borrow).result()

    def test_is_left_to_its_user_whoever_waits(self, make_pool: MakePool) -> None:
        pool = make_pool(leak_seconds=0.2)
        connection = self.borrow_in_a_thread(pool.getconn)
        with connection.transaction():
            connection.execute("CREATE TEMP TABLE mine ON COMMIT DROP AS SELECT 1 AS one")
            waiting = Crowd(1, lambda _: pool.getconn(timeout=0.5))
            waiting.run()
            pool.watch_loans()
            assert connection.execute("SELECT one FROM mine").fetchone() == (1,)

        assert [type(error) for error in waiting.errors] == [PoolFull]
        pool.putconn(connection)
        assert pool.stats().checked_in == 1

    def test_is_left_to_sqlalchemy_too(self, django_pool: SharedPool) -> None:
        borrowed = self.borrow_in_a_thread(db.get_engine().connect)
        borrowed.execute(text("CREATE TEMP TABLE mine ON COMMIT DROP AS SELECT 1 AS one"))

        django_pool.watch_loans()
        django_pool.search_orphans()

        assert borrowed.scalar(text("SELECT one FROM mine")) == 1
        borrowed.close()
        assert django_pool.stats().checked_out == 0


class TestTheEndOfAProcess:
    def test_the_pool_waits_for_what_is_out(self, make_pool: MakePool) -> None:
        pool = make_pool(min_size=2)
        connection = pool.getconn()
        returner = threading.Timer(0.2, connection.close)
        returner.start()

        assert pool.shut_down(timeout=10)

        returner.join()
        assert pool.stats().open == 0

    def test_one_that_comes_back_broken_counts_as_back(
        self, make_pool: MakePool, kill: Callable[[int], None]
    ) -> None:
        pool = make_pool()
        connection = pool.getconn()
        kill(connection.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        end = threading.Thread(target=pool.shut_down, args=(60,))
        end.start()
        eventually(lambda: pool.is_finishing)

        connection.close()

        eventually(lambda: pool.closed)
        end.join()

    def test_it_lends_no_more(self, make_pool: MakePool) -> None:
        pool = make_pool()
        pool.shut_down(timeout=1)

        with pytest.raises(PoolClosed):
            pool.getconn()

    def test_what_does_not_come_back_is_closed_when_it_does(self, make_pool: MakePool) -> None:
        pool = make_pool()
        connection = pool.getconn()

        assert not pool.shut_down(timeout=0.05)

        connection.close()
        assert connection.closed
        assert pool.stats().open == 0


@pytest.mark.real_pool
class TestTheHolders:
    def test_a_loan_tells_library_thread_and_place(self, django_pool: SharedPool) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
            ((_, loan),) = django_pool.loans()

        assert loan.borrower == "sqlalchemy"
        assert "MainThread (sqlalchemy, staff)" in loan.as_text()
        assert "test_borrowers.py" in loan.as_text()

    def test_django_is_told_from_sqlalchemy(self, django_pool: SharedPool) -> None:
        from django.db import connection

        connection.ensure_connection()
        ((_, loan),) = django_pool.loans()

        assert loan.borrower == "django"

    def test_each_names_its_own_place(self, django_pool: SharedPool) -> None:
        places: list[Any] = []

        def borrow() -> None:
            with db.get_engine().connect():
                places.append(django_pool.loans()[0][1].as_text())

        borrow()

        assert "in borrow" in places[0]
