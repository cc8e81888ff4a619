"""What is reached through a joined connection stays in the block, or is refused (lines L10, L11, L16)."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import sqlalchemy
from django.contrib.auth.models import Group
from django.db import connection, transaction
from sqlalchemy import text

from core import db
from core.pool import SharedPool

pytestmark = pytest.mark.real_pool

INSERT = "INSERT INTO auth_group (name) VALUES ('sqlalchemy')"


COPY = "COPY auth_group (name) FROM STDIN"


def read_x() -> Any:
    with db.get_engine().connect() as borrowed:
        return borrowed.scalar(text("SELECT 'x'"))


class Undo(Exception):
    """Raised inside a block to make it roll back."""


def names() -> list[str]:
    connection.close()
    return sorted(Group.objects.values_list("name", flat=True))


def ends_the_block(way: Callable[[Any], object]) -> None:
    """Try a way to commit past Django's block, which then rolls back."""
    with transaction.atomic():
        Group.objects.create(name="django")
        raw: Any = db.get_engine().raw_connection()
        try:
            way(raw)
        finally:
            raw.close()
        raise Undo


WAYS: dict[str, Callable[[Any], object]] = {
    "driver_connection.commit": lambda raw: raw.driver_connection.commit(),
    "dbapi_connection.commit": lambda raw: raw.dbapi_connection.commit(),
    "execute COMMIT": lambda raw: raw.driver_connection.execute("COMMIT"),
    "cursor COMMIT": lambda raw: raw.cursor().execute("COMMIT"),
    "cursor COMMIT behind a comment": lambda raw: raw.cursor().execute("/* done; */ -- so\n commit"),
    "cursor COMMIT after a statement": lambda raw: raw.cursor().execute("SELECT ';'; COMMIT"),
    "cursor COMMIT behind a comment in a comment": lambda raw: raw.cursor().execute("/* /* */ */ COMMIT"),
    "cursor COMMIT behind a carriage return": lambda raw: raw.cursor().execute("-- done\rCOMMIT"),
    "cursor COMMIT between escapes": lambda raw: raw.cursor().execute(r"SELECT E'\''; COMMIT; SELECT E'\''"),
    "cursor COMMIT between names": lambda raw: raw.cursor().execute(
        "SELECT 1 AS a$$; COMMIT; SELECT 1 AS a$$"
    ),
    "copy COMMIT": lambda raw: raw.cursor().copy("COMMIT").__enter__(),
    "cursor COMMIT as bytes": lambda raw: raw.cursor().execute(b"COMMIT"),
    "cursor END": lambda raw: raw.cursor().execute("END"),
    "cursor ROLLBACK": lambda raw: raw.cursor().execute("ROLLBACK"),
    "cursor ROLLBACK TO": lambda raw: raw.cursor().execute("ROLLBACK TO SAVEPOINT joined_1"),
    "psycopg's cursor": lambda raw: psycopg.Cursor(raw.driver_connection).execute(INSERT),
    "set_autocommit": lambda raw: raw.driver_connection.set_autocommit(True),
    "autocommit": lambda raw: setattr(raw.driver_connection, "autocommit", True),
    "set_isolation_level": lambda raw: raw.driver_connection.set_isolation_level(
        psycopg.IsolationLevel.SERIALIZABLE
    ),
    "tpc_begin": lambda raw: raw.driver_connection.tpc_begin("gate"),
    "pipeline": lambda raw: raw.driver_connection.pipeline(),
    "transaction": lambda raw: raw.driver_connection.transaction().__enter__(),
    "close": lambda raw: raw.driver_connection.close(),
    "with": lambda raw: raw.driver_connection.__exit__(None, None, None),
    "executemany": lambda raw: raw.cursor().executemany(
        "INSERT INTO auth_group (name) VALUES (%s)", [("first",), ("second",)]
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
class TestAJoinedConnection:
    def test_never_ends_djangos_transaction(
        self, django_pool: SharedPool, way: Callable[[Any], object]
    ) -> None:
        with pytest.raises((Undo, psycopg.Error)):
            ends_the_block(way)

        assert names() == []


class TestARawConnectionInABlock:
    @pytest.mark.parametrize(
        "write",
        [
            lambda raw: raw.driver_connection.execute(INSERT),
            lambda raw: raw.dbapi_connection.execute(INSERT),
            lambda raw: raw.driver_connection.cursor().execute(INSERT),
            lambda raw: psycopg.Cursor(raw.driver_connection).execute(INSERT),
            lambda raw: raw.cursor().executemany(
                "INSERT INTO auth_group (name) VALUES (%s)", [("sqlalchemy",)]
            ),
        ],
    )
    def test_undoes_all_that_was_written_through_it(
        self, django_pool: SharedPool, write: Callable[[Any], object]
    ) -> None:
        with transaction.atomic():
            Group.objects.create(name="django")
            raw: Any = db.get_engine().raw_connection()
            write(raw)
            raw.rollback()
            raw.close()

        assert names() == ["django"]

    def test_nests_a_transaction_of_psycopgs(self, django_pool: SharedPool) -> None:
        with transaction.atomic():
            raw: Any = db.get_engine().raw_connection()
            with pytest.raises(Undo), raw.driver_connection.transaction():
                raw.driver_connection.execute(INSERT)
                raise Undo
            with raw.driver_connection.transaction():
                raw.driver_connection.execute("INSERT INTO auth_group (name) VALUES ('kept')")
            raw.commit()
            raw.close()

        assert names() == ["kept"]

    def test_says_so_when_a_cursor_of_psycopgs_ended_the_transaction(self, django_pool: SharedPool) -> None:
        with transaction.atomic():
            raw: Any = db.get_engine().raw_connection()
            with pytest.raises(psycopg.NotSupportedError, match="ended the transaction"):
                psycopg.Cursor(raw.driver_connection).execute("COMMIT")
            with pytest.raises(transaction.TransactionManagementError):
                Group.objects.count()
            raw.close()

    def test_refuses_by_name_what_it_does_not_know(self, django_pool: SharedPool) -> None:
        with transaction.atomic():
            raw: Any = db.get_engine().raw_connection()

            with pytest.raises(psycopg.NotSupportedError, match=r"tpc_prepare: .*core\.db\.independent\(\)"):
                raw.driver_connection.tpc_prepare()
            assert not hasattr(raw.driver_connection, "tpc_commit")

            raw.close()


class TestABusyConnection:
    def test_in_the_middle_of_djangos_copy_is_not_joined(self, django_pool: SharedPool) -> None:
        def copy() -> None:
            with transaction.atomic(), connection.cursor() as cursor, cursor.copy(COPY) as rows:
                rows.write_row([read_x()])

        with pytest.raises(Exception, match="busy with another statement"):
            copy()

    def test_that_joined_before_is_not_used_in_the_middle_of_djangos_copy(
        self, django_pool: SharedPool
    ) -> None:
        def copy() -> None:
            with transaction.atomic(), db.get_engine().connect() as borrowed:
                borrowed.execute(text("SELECT 1"))
                with connection.cursor() as cursor, cursor.copy("COPY auth_group (name) FROM STDIN"):
                    borrowed.execute(text("SELECT 1"))

        with pytest.raises(Exception, match="busy with another statement"):
            copy()

    def test_in_the_middle_of_sqlalchemys_copy_refuses_the_orm(self, django_pool: SharedPool) -> None:
        def copy() -> None:
            with transaction.atomic():
                raw: Any = db.get_engine().raw_connection()
                with raw.cursor() as cursor, cursor.copy("COPY auth_group (name) FROM STDIN"):
                    Group.objects.count()

        with pytest.raises(Exception, match="busy with"):
            copy()

    def test_in_the_middle_of_a_stream_is_not_joined(self, django_pool: SharedPool) -> None:
        def stream() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                for _ in cursor.cursor.stream("SELECT generate_series(1, 3)"):
                    db.get_engine().connect()

        with pytest.raises(Exception, match="busy with another statement"):
            stream()

    def test_from_a_signals_handler_is_refused_at_once(self, django_pool: SharedPool) -> None:
        seen: list[BaseException] = []

        def use_the_engine(*_: object) -> None:
            try:
                with db.get_engine().connect() as borrowed:
                    borrowed.execute(text("SELECT 1"))
            except sqlalchemy.exc.InterfaceError as error:
                seen.append(error)

        before = signal.signal(signal.SIGUSR1, use_the_engine)
        main = threading.main_thread().ident
        assert main is not None
        killer = threading.Timer(0.2, signal.pthread_kill, [main, signal.SIGUSR1])
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                killer.start()
                cursor.execute("SELECT pg_sleep(0.6)")
        finally:
            signal.signal(signal.SIGUSR1, before)

        assert ["busy" in str(error) for error in seen] == [True]

    def test_outside_a_block_costs_a_second_connection(self, django_pool: SharedPool) -> None:
        with connection.cursor() as cursor, cursor.copy(COPY) as rows:
            rows.write_row([read_x()])

        assert names() == ["x"]


class TestABorrowerWhoClosesTheConnection:
    """Whoever closes what it borrowed gets an error, and never the next borrower's transaction."""

    def test_itself_gets_an_error_and_reaches_nobody(self, django_pool: SharedPool) -> None:
        connection.ensure_connection()
        connection.connection.close()
        assert django_pool.stats().checked_out == 0

        with db.get_independent_engine().connect() as other:
            other.execute(text(INSERT))
            with pytest.raises(Exception, match="the connection is closed"):
                Group.objects.count()
            other.rollback()

        assert names() == []
        assert django_pool.stats().open <= 2

    def test_inside_a_block_gets_an_error(self, django_pool: SharedPool) -> None:
        def close_inside() -> None:
            with transaction.atomic():
                Group.objects.create(name="gone")
                connection.connection.close()
                Group.objects.create(name="gone, too")

        with pytest.raises(Exception, match="the connection is closed"):
            close_inside()

        assert names() == []

    @pytest.mark.parametrize("name", ["driver_connection", "dbapi_connection"])
    def test_through_sqlalchemy_and_again(self, django_pool: SharedPool, hold: str, name: str) -> None:
        raw: Any = db.get_engine().raw_connection()
        raw.cursor().execute(INSERT)
        getattr(raw, name).close()
        getattr(raw, name).close()
        raw.close()

        assert names() == []
        own_look = 1 if hold == "request" else 0
        assert django_pool.stats().checked_out == own_look

    def test_in_a_with_block_of_the_pool(self, django_pool: SharedPool) -> None:
        with django_pool.connection() as borrowed:
            borrowed.close()
            borrowed.close()

        assert django_pool.stats().open == 0
        django_pool.putconn(django_pool.getconn())

    def test_after_the_return_does_not_close_an_idle_one(self, django_pool: SharedPool) -> None:
        kept = django_pool.getconn()
        django_pool.putconn(kept)

        kept.close()

        assert django_pool.stats().checked_in == 1
        with django_pool.connection() as borrowed:
            assert borrowed.execute("SELECT 1").fetchone() == (1,)

    def test_and_returns_it_all_the_same(self, django_pool: SharedPool) -> None:
        borrowed = django_pool.getconn()
        borrowed.close()

        django_pool.putconn(borrowed)

        assert django_pool.stats().open == 0

    def test_whose_descriptor_was_closed_below_gets_no_dead_one(self, django_pool: SharedPool) -> None:
        borrowed = django_pool.getconn()
        django_pool.putconn(borrowed)
        borrowed.pgconn.finish()

        with django_pool.connection() as fresh:
            assert fresh is not borrowed
            assert fresh.execute("SELECT 1").fetchone() == (1,)
