"""Session state survives a hand-over, and cursors and settings no return (contract lines L14, L15)."""

import threading
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection
from sqlalchemy import text

from core import db
from core.pool import SharedPool
from core.tests.fixtures import Crowd

pytestmark = pytest.mark.real_pool


def ask(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def read_through_sqlalchemy() -> int:
    with db.get_engine().connect() as borrowed:
        return int(borrowed.scalar(text("SELECT pg_backend_pid()")) or 0)


class TestAHandOver:
    def test_gives_the_orm_its_connection_back(self, django_pool: SharedPool) -> None:
        pid = ask("SELECT pg_backend_pid()")

        assert read_through_sqlalchemy() == pid

        assert ask("SELECT pg_backend_pid()") == pid
        assert django_pool.stats().checked_out == 1

    def test_keeps_locks_tables_and_settings_of_the_session_under_load(self, django_pool: SharedPool) -> None:
        def request(number: int) -> None:
            try:
                for _ in range(10):
                    ask(f"SELECT pg_advisory_lock({number})")
                    ask("CREATE TEMP TABLE scratch AS SELECT 1 AS one")
                    ask("SET search_path TO pg_catalog, public")
                    read_through_sqlalchemy()
                    assert ask("SELECT one FROM scratch") == 1
                    assert ask("SHOW search_path") == "pg_catalog, public"
                    assert ask(f"SELECT pg_advisory_unlock({number})") is True
                    ask("DROP TABLE scratch")
                    connection.close()
            finally:
                connection.close()

        crowd = Crowd(8, request).run()

        assert crowd.errors == []

    def test_ends_with_the_request(self, django_pool: SharedPool) -> None:
        ask("SELECT 1")
        borrowed = db.get_engine().connect()
        connection.close()

        borrowed.close()

        assert django_pool.stats().checked_out == 0

    def test_does_not_take_the_place_of_one_that_django_has_by_now(self, django_pool: SharedPool) -> None:
        ask("SELECT 1")
        with db.get_engine().connect():
            pid = ask("SELECT pg_backend_pid()")

        assert ask("SELECT pg_backend_pid()") == pid
        assert django_pool.stats().checked_out == 1

    def test_from_another_thread_goes_to_the_pool(self, django_pool: SharedPool) -> None:
        ask("SELECT 1")
        borrowed = db.get_engine().connect()
        thread = threading.Thread(target=borrowed.close)
        thread.start()
        thread.join()

        assert django_pool.stats().checked_out == 0
        assert ask("SELECT 1") == 1


SETTINGS = {
    "client_encoding": ("SET client_encoding TO 'LATIN1'", "SHOW client_encoding"),
    "TimeZone": ("SET TIME ZONE 'Asia/Tokyo'", "SHOW TimeZone"),
    "DateStyle": ("SET datestyle TO 'German'", "SHOW datestyle"),
    "search_path": ("SET search_path TO pg_catalog", "SHOW search_path"),
    "role": ("SET ROLE pg_monitor", "SELECT current_user"),
    "session_authorization": ("SET SESSION AUTHORIZATION pg_monitor", "SELECT session_user"),
    "default_transaction_read_only": (
        "SET default_transaction_read_only TO on",
        "SHOW default_transaction_read_only",
    ),
    "application_name": ("SET application_name TO 'somebody else'", "SHOW application_name"),
}


@pytest.mark.parametrize(("change", "show"), SETTINGS.values(), ids=SETTINGS)
class TestASetting:
    def test_of_one_borrower_does_not_reach_the_next(
        self, pool_of_one: SharedPool, change: str, show: str
    ) -> None:
        def shown() -> Any:
            with pool_of_one.connection() as borrowed:
                return borrowed.execute(show).fetchone()

        before = shown()
        with pool_of_one.connection() as borrowed:
            borrowed.execute(change)

        assert shown() == before

    def test_through_sqlalchemy_neither(self, django_pool: SharedPool, change: str, show: str) -> None:
        before = ask(show)
        connection.close()
        with db.get_engine().begin() as borrowed:
            borrowed.execute(text(change))

        assert ask(show) == before


class TestADetachedConnection:
    def test_closes_when_it_is_closed(self, django_pool: SharedPool) -> None:
        borrowed = db.get_engine().connect()
        pid = borrowed.scalar(text("SELECT pg_backend_pid()"))
        borrowed.detach()
        borrowed.close()

        assert django_pool.stats().open == 0
        assert read_through_sqlalchemy() != pid

    def test_closes_when_it_was_detached_before_somebody_listened(self, django_pool: SharedPool) -> None:
        raw: Any = db.get_engine().raw_connection()
        raw.detach()
        raw.close()

        assert django_pool.stats().open == 0


class TestACursor:
    def test_of_the_orm_that_was_half_read_does_not_disturb_the_next(self, django_pool: SharedPool) -> None:
        Group.objects.bulk_create(Group(name=f"group {number}") for number in range(10))
        connection.close()
        kept: list[Any] = []

        def half_read(_: int) -> None:
            iterator = Group.objects.order_by("id").iterator(chunk_size=2)
            next(iterator)
            kept.append(iterator)

        for number in range(5):
            Crowd(1, half_read).run()
            half_read(number)
            connection.close()

        with db.get_engine().connect() as borrowed:
            assert borrowed.scalar(text("SELECT count(*) FROM pg_cursors WHERE is_holdable")) == 0
        assert len(list(Group.objects.order_by("id").iterator(chunk_size=2))) == 10

    @pytest.mark.parametrize("name", ["", "kept"])
    def test_of_sqlalchemy_that_was_kept_runs_in_nobodys_transaction(
        self, django_pool: SharedPool, name: str
    ) -> None:
        raw: Any = db.get_engine().raw_connection()
        kept = raw.driver_connection.cursor(name)
        raw.close()

        with db.get_engine().begin() as borrowed:
            borrowed.execute(text("INSERT INTO auth_group (name) VALUES ('theirs')"))
            with pytest.raises(psycopg.InterfaceError, match=r"was given back|is closed"):
                kept.execute("ROLLBACK")

        assert ask("SELECT count(*) FROM auth_group WHERE name = 'theirs'") == 1

    def test_of_the_pool_that_was_kept_neither(self, pool_of_one: SharedPool) -> None:
        borrowed = pool_of_one.getconn()
        kept = borrowed.cursor()
        kept.execute("SELECT 1")
        pool_of_one.putconn(borrowed)

        with pool_of_one.connection(), pytest.raises(psycopg.InterfaceError, match="was given back"):
            kept.execute("ROLLBACK")

    def test_of_django_that_was_kept_neither(self, django_pool: SharedPool) -> None:
        with connection.cursor() as cursor:
            kept = cursor.connection.cursor()
        connection.close()

        with pytest.raises(psycopg.InterfaceError, match="was given back"):
            kept.execute("ROLLBACK")

    def test_may_be_read_to_its_end(self, pool_of_one: SharedPool) -> None:
        with pool_of_one.connection() as borrowed:
            cursor = borrowed.execute("SELECT generate_series(1, 3)")

        assert cursor.fetchall() == [(1,), (2,), (3,)]
        cursor.close()
