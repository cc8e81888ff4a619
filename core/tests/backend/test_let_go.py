"""
What the ORM let go waits in the pool as it was, for its thread or anybody else (contract line G3).
"""

import threading
from collections.abc import Callable

import pytest
from django.core import signals
from django.db import connection

from core import db
from core.pool import SharedPool
from core.tests.backend.wrappers import MakeWrapper
from core.tests.children import in_child
from core.tests.fixtures import eventually

pytestmark = [pytest.mark.real_pool, pytest.mark.parametrize("hold", ["transaction"], indirect=True)]


def pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def class_now() -> str:
    """Return the class of the loan that a cursor has."""
    with connection.cursor():
        return str(connection.connection.loan.borrower_class.name)


class TestAConnectionThatWasLetGo:
    """It waits in the pool as it was: its thread may have it back so, and everybody else gets it clean."""

    def test_is_taken_back_while_nobody_needs_it(self, django_pool: SharedPool) -> None:
        assert pid() == pid()
        assert django_pool.stats().open == 1

    def test_is_clean_for_anybody_else(self, django_pool: SharedPool) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'Asia/Tokyo'")
            kept = connection.connection
            kept.prepare_threshold = 99

        with django_pool.connection() as borrowed:
            assert borrowed is kept
            assert borrowed.prepare_threshold != 99
            assert borrowed.execute("SHOW TimeZone").fetchone() == ("UTC",)

    def test_is_clean_for_the_next_request_of_the_same_thread(self, django_pool: SharedPool) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'Asia/Tokyo'")
        signals.request_finished.send(None)

        with connection.cursor() as cursor:
            cursor.execute("SHOW TimeZone")
            assert cursor.fetchone() == ("UTC",)

    def test_is_clean_after_a_close(self, django_pool: SharedPool) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'Asia/Tokyo'")
        connection.close()

        with connection.cursor() as cursor:
            cursor.execute("SHOW TimeZone")
            assert cursor.fetchone() == ("UTC",)

    def test_is_one_borrowers_at_a_time(self, django_pool: SharedPool) -> None:
        first = pid()
        with django_pool.connection() as borrowed:
            assert borrowed.info.backend_pid == first
            assert pid() != first
        assert django_pool.stats().checked_out == 0

    def test_goes_to_those_who_wait(self, django_pool: SharedPool) -> None:
        django_pool.resize(1, 1)
        got: list[int] = []

        def wait_for_it() -> None:
            with django_pool.connection() as borrowed:
                got.append(borrowed.info.backend_pid)

        try:
            with connection.cursor() as cursor:
                thread = threading.Thread(target=wait_for_it)
                thread.start()
                eventually(lambda: django_pool.stats().waiting == 1)
                cursor.execute("SELECT pg_backend_pid()")
                [own] = cursor.fetchone()
            thread.join(10)
        finally:
            django_pool.resize(5, 15)

        assert got == [own]

    def test_is_closed_with_the_others(self, django_pool: SharedPool) -> None:
        before = pid()
        django_pool.drain()

        assert pid() != before

    def test_is_replaced_where_the_server_ended_it(
        self, django_pool: SharedPool, kill: Callable[[int], None]
    ) -> None:
        before = pid()
        kept = django_pool.state.idle[-1]
        kill(before)
        eventually(lambda: bool(kept.poll(0)))

        assert pid() != before

    def test_is_not_taken_by_another_class(self, django_pool: SharedPool) -> None:
        db.run_as("gate", pid)

        assert db.run_as("batch", class_now) == "batch"

    def test_is_nobodys_when_the_pool_is_closed(self, make_wrapper: MakeWrapper) -> None:
        other = make_wrapper(pool={"min_size": 1, "max_size": 2, "hold": "transaction"})
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")
        pool = other.pool
        other.close_pool()

        with other.cursor() as cursor:
            cursor.execute("SELECT 1")

        assert other.pool is not pool
        assert pool.stats().open == 0
        other.close()

    def test_is_not_the_childs_after_a_fork(self, django_pool: SharedPool) -> None:
        before = pid()

        assert in_child(pid) != before
        assert pid() == before
