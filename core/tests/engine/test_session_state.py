"""Session state survives a hand-over, and cursors and settings no return (contract lines L14, L15)."""

import threading
from collections.abc import Iterator
from enum import Enum
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.backends.signals import connection_created
from psycopg import IsolationLevel
from psycopg.types.enum import EnumInfo, register_enum
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


class Mood(Enum):
    """A type of the server's, as the ORM's side of a project reads it."""

    GOOD = "GOOD"


def register_mood(connection: Any, **_: object) -> None:
    register_enum(EnumInfo.fetch(connection.connection, "mood"), connection.connection, Mood)


@pytest.fixture
def mood(django_pool: SharedPool) -> Iterator[None]:
    """A type that a receiver of connection_created registers, as django.contrib.postgres does hstore."""
    ask("CREATE TYPE mood AS ENUM ('GOOD')")
    connection.close()
    connection_created.connect(register_mood)
    yield
    connection_created.disconnect(register_mood)
    ask("DROP TYPE mood")


@pytest.fixture
def serializable(django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """OPTIONS["isolation_level"] of the default database."""
    # The engine keeps what its first connection of all has for the default.
    read_through_sqlalchemy()
    wrapper: Any = connection
    with monkeypatch.context() as patch:
        patch.setitem(wrapper.settings_dict["OPTIONS"], "isolation_level", IsolationLevel.SERIALIZABLE)
        wrapper.close()
        wrapper.close_pool()
        yield
        wrapper.close()
        wrapper.close_pool()


@pytest.mark.parametrize("hold", ["request"], indirect=True)
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

    @pytest.mark.usefixtures("mood")
    def test_keeps_the_types_that_were_registered_for_the_orm(self) -> None:
        assert ask("SELECT 'GOOD'::mood") is Mood.GOOD

        with db.get_engine().connect() as borrowed:
            assert borrowed.scalar(text("SELECT 'GOOD'::mood")) == "GOOD"

        assert ask("SELECT 'GOOD'::mood") is Mood.GOOD

    @pytest.mark.usefixtures("mood")
    def test_keeps_them_from_the_next_borrower(self, django_pool: SharedPool) -> None:
        ask("SELECT 1")
        read_through_sqlalchemy()
        connection.close()

        with django_pool.connection() as borrowed:
            assert borrowed.execute("SELECT 'GOOD'::mood").fetchone() == ("GOOD",)

    def test_keeps_the_handlers_and_attributes_of_the_orm(self, django_pool: SharedPool) -> None:
        heard: list[str | None] = []
        connection.ensure_connection()
        connection.connection.add_notice_handler(lambda notice: heard.append(notice.message_primary))
        connection.connection.prepare_threshold = None
        say = "DO $$ BEGIN RAISE NOTICE 'heard'; END $$"

        with db.get_engine().connect() as borrowed:
            borrowed.execute(text(say))
        ask(say)

        assert heard == ["heard"]
        assert connection.connection.prepare_threshold is None

    @pytest.mark.usefixtures("serializable")
    def test_keeps_the_isolation_level_that_the_database_has_in_the_settings(self) -> None:
        connection.ensure_connection()

        with db.get_engine().connect() as borrowed:
            assert borrowed.scalar(text("SHOW transaction_isolation")) == "serializable"

        with transaction.atomic():
            assert ask("SHOW transaction_isolation") == "serializable"

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
