"""Django and SQLAlchemy on one pool: hand-over, transactions, and the engine's numbers (L1, L5, L7, R1)."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy
from django.db import connection, transaction
from sqlalchemy import text

from core import db
from core.pool import SharedPool
from core.tests.fixtures import Crowd, held

pytestmark = pytest.mark.real_pool


@pytest.fixture
def notes(django_pool: SharedPool) -> Iterator[Callable[[], list[str]]]:
    """A table `notes`; call it for the committed rows."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE notes (word text)")
    connection.close()

    def committed() -> list[str]:
        with db.get_engine().connect() as reader:
            return [row.word for row in reader.execute(text("SELECT word FROM notes ORDER BY word"))]

    yield committed
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE notes")


def pid_in_django() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def pid_in_sqlalchemy() -> int:
    with db.get_engine().connect() as borrowed:
        return int(borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one())


class TestTheEngine:
    def test_there_is_one_for_the_life_of_the_process(self) -> None:
        assert db.get_engine() is db.get_engine()

    def test_threads_that_race_to_the_first_call_get_the_same_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "_engine", None)

        crowd = Crowd(16, lambda _: db.get_engine()).run()

        assert len({id(engine) for engine in crowd.results}) == 1

    def test_its_pool_tells_the_truth(self, django_pool: SharedPool) -> None:
        pool: Any = db.get_engine().pool

        with db.get_engine().connect():
            assert (pool.size(), pool.checkedin(), pool.checkedout(), pool.overflow()) == (5, 0, 1, 0)
            assert pool.status() == "Pool size: 5  1/15 in use, 0 idle, 0 waiting, overflow 0"

        assert (pool.checkedin(), pool.checkedout(), pool.overflow()) == (1, 0, 0)
        assert pool.timeout() == django_pool.timeout

    def test_overflow_is_what_is_above_the_size(self, django_pool: SharedPool) -> None:
        pool: Any = db.get_engine().pool
        open_connections = [db.get_engine().connect() for _ in range(7)]

        assert (pool.checkedout(), pool.overflow()) == (7, 2)

        for each in open_connections:
            each.close()
        assert django_pool.stats().checked_out == 0

    def test_disposing_keeps_the_pool_and_the_bound(self, django_pool: SharedPool) -> None:
        engine = db.get_engine()
        with engine.connect() as borrowed:
            engine.dispose()
            assert engine.pool is db.get_engine().pool
            assert borrowed.execute(text("SELECT 1")).scalar_one() == 1

        assert django_pool.stats().open == 0
        assert pid_in_sqlalchemy()

    def test_a_full_pool_is_an_operational_error_that_says_so(
        self, django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(django_pool, "timeout", 0.05)

        full = pytest.raises(sqlalchemy.exc.OperationalError, match="15/15 in use")
        with held(django_pool), full as error:
            db.get_engine().connect()

        assert db.is_unavailable(error.value)
        assert db.unavailable_reason(error.value) == "pool_full"


class TestTransactions:
    def test_sqlalchemy_rollback_undoes_its_writes(self, notes: Callable[[], list[str]]) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.execute(text("INSERT INTO notes VALUES ('gone')"))
            borrowed.rollback()

        assert notes() == []

    def test_an_error_inside_begin_undoes_its_writes(self, notes: Callable[[], list[str]]) -> None:
        with pytest.raises(sqlalchemy.exc.DataError), db.get_engine().begin() as borrowed:
            borrowed.execute(text("INSERT INTO notes VALUES ('gone')"))
            borrowed.execute(text("SELECT 1 / 0"))

        assert notes() == []

    def test_sqlalchemy_commit_commits(self, notes: Callable[[], list[str]]) -> None:
        with db.get_session() as session:
            session.execute(text("INSERT INTO notes VALUES ('kept')"))
            session.commit()

        assert notes() == ["kept"]

    def test_what_was_not_committed_is_undone_on_return(self, notes: Callable[[], list[str]]) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.execute(text("INSERT INTO notes VALUES ('gone')"))

        assert notes() == []

    def test_django_commits_each_statement_again_afterwards(self, notes: Callable[[], list[str]]) -> None:
        with db.get_engine().begin() as borrowed:
            borrowed.execute(text("INSERT INTO notes VALUES ('a')"))
            pid = borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one()

        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO notes VALUES ('b')")
        assert pid_in_django() == pid
        assert connection.get_autocommit()
        connection.close()

        assert notes() == ["a", "b"]

    def test_an_isolation_level_ends_with_the_connection_that_asked_for_it(
        self, django_pool: SharedPool
    ) -> None:
        with db.get_engine().connect().execution_options(isolation_level="SERIALIZABLE") as borrowed:
            assert borrowed.execute(text("SHOW transaction_isolation")).scalar_one() == "serializable"

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            assert cursor.fetchone() == ("read committed",)

    def test_autocommit_can_be_asked_for(self, notes: Callable[[], list[str]]) -> None:
        with db.get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as borrowed:
            borrowed.execute(text("INSERT INTO notes VALUES ('kept')"))

        assert notes() == ["kept"]


class TestHandOver:
    def test_django_and_sqlalchemy_borrow_the_same_physical_connection(self, django_pool: SharedPool) -> None:
        pids = {pid_in_django(), pid_in_sqlalchemy(), pid_in_django(), pid_in_sqlalchemy()}

        assert len(pids) == 1
        assert django_pool.stats().open == 1

    def test_a_thread_that_used_the_orm_holds_one_connection_inside_sqlalchemy_code(
        self, django_pool: SharedPool
    ) -> None:
        pid_in_django()

        with db.get_engine().connect():
            assert django_pool.stats().checked_out == 1

    def test_forty_threads_that_use_both_on_a_pool_of_fifteen_all_succeed(
        self, django_pool: SharedPool
    ) -> None:
        def use_both(_: int) -> bool:
            return pid_in_django() > 0 and pid_in_sqlalchemy() > 0 and pid_in_django() > 0

        crowd = Crowd(40, use_both).run()

        assert crowd.errors == []
        assert len(crowd.results) == 40
        assert django_pool.stats().open <= 15

    def test_the_orm_inside_a_sqlalchemy_transaction_has_a_connection_of_its_own(
        self, notes: Callable[[], list[str]]
    ) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.execute(text("INSERT INTO notes VALUES ('sqlalchemy')"))
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO notes VALUES ('django')")
            borrowed.rollback()

        assert notes() == ["django"]

    def test_a_connection_that_django_still_reads_from_is_not_handed_over(
        self, django_pool: SharedPool
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            assert cursor.fetchone()[0] != pid_in_sqlalchemy()
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)

    def test_a_server_side_cursor_keeps_its_connection(self, django_pool: SharedPool) -> None:
        with connection.chunked_cursor() as cursor:
            cursor.execute("SELECT generate_series(1, 1000)")
            first = cursor.fetchone()
            pid_in_sqlalchemy()
            assert [first, *cursor.fetchall()] == [(n,) for n in range(1, 1001)]

    def test_a_manual_transaction_is_left_alone(self, notes: Callable[[], list[str]]) -> None:
        transaction.set_autocommit(False)
        try:
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO notes VALUES ('manual')")
            assert notes() == []
            transaction.commit()
        finally:
            transaction.set_autocommit(True)

        assert notes() == ["manual"]

    def test_a_connection_that_died_in_djangos_hands_is_not_handed_over(
        self, django_pool: SharedPool, kill: Callable[[int], None]
    ) -> None:
        connection.ensure_connection()
        kill(connection.connection.info.backend_pid)

        with db.get_engine().connect() as borrowed:
            assert borrowed.execute(text("SELECT 1")).scalar() == 1

    @pytest.mark.parametrize("hold", ["request"], indirect=True)
    def test_a_broken_connection_is_not_handed_over(
        self, django_pool: SharedPool, kill: Callable[[int], None]
    ) -> None:
        kill(pid_in_django())
        with pytest.raises(Exception, match="terminating connection"), connection.cursor() as cursor:
            cursor.execute("SELECT 1")

        assert pid_in_sqlalchemy()
        assert django_pool.stats().open == 1


class TestAPoolWhoseConnectionsMayBeClosed:
    def test_keeps_what_sqlalchemy_and_ping_return(
        self, django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(django_pool, "close_returns", False)

        with db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
        db.ping(timeout=5)

        assert django_pool.stats().checked_in == 1


class TestABrokenConnection:
    def test_sqlalchemy_notices_and_its_place_is_free_again(
        self, django_pool: SharedPool, kill: Callable[[int], None]
    ) -> None:
        for _ in range(3):
            with (
                pytest.raises(sqlalchemy.exc.OperationalError) as error,
                db.get_engine().connect() as borrowed,
            ):
                kill(borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one())
                borrowed.execute(text("SELECT 1"))
            assert error.value.connection_invalidated

        assert django_pool.stats().open == 0

    @pytest.mark.parametrize("hold", ["request"], indirect=True)
    def test_django_recovers_with_the_next_request(
        self, django_pool: SharedPool, kill: Callable[[int], None]
    ) -> None:
        pid = pid_in_django()
        kill(pid)
        with pytest.raises(Exception, match="terminating connection"):
            pid_in_django()

        connection.close_if_unusable_or_obsolete()

        assert pid_in_django() != pid


class TestLegacyCode:
    def test_a_raw_connection_copies_through_psycopg(self, notes: Callable[[], list[str]]) -> None:
        raw = db.get_engine().raw_connection()
        assert isinstance(raw.driver_connection, psycopg.Connection)
        with raw.cursor() as cursor, cursor.copy("COPY notes FROM STDIN") as copy:  # type: ignore[attr-defined]
            copy.write_row(["copied"])
        raw.commit()
        raw.close()

        assert notes() == ["copied"]

    def test_a_connection_that_was_given_back_cannot_be_used(self, django_pool: SharedPool) -> None:
        raw = db.get_engine().raw_connection()
        dbapi_connection: Any = raw.dbapi_connection
        raw.close()

        # The caller's mistake: an OperationalError would be taken for the server's.
        for use in (
            dbapi_connection.cursor,
            dbapi_connection.commit,
            lambda: dbapi_connection.execute("SELECT 1"),
        ):
            with pytest.raises(psycopg.InterfaceError, match="given back to the pool"):
                use()

    def test_a_detached_connection_counts_until_it_is_closed(self, django_pool: SharedPool) -> None:
        raw = db.get_engine().raw_connection()
        raw.detach()
        assert django_pool.stats().checked_out == 1

        raw.close()

        assert django_pool.stats().checked_out == 0
