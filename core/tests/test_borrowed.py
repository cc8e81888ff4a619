"""A connection as it is, for a hot path: nothing is left behind, a statement is planned once (L2, N1, R1)."""

import psycopg
import pytest
from django.db import connection, transaction

from core import db
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool

ASKED = "SELECT 'planned once' AS said, CAST(%(number)s AS integer) AS number"
PLANS = "SELECT statement FROM pg_prepared_statements"


def ask(number: int = 1) -> tuple[str, int]:
    with db.borrowed() as borrowed:
        [(said, found)] = borrowed.execute_prepared(ASKED, {"number": number})
        # A rollback would end the plan.
        borrowed.commit()
    return said, found


def plans() -> list[str]:
    with db.borrowed() as borrowed:
        found = [statement for (statement,) in borrowed.execute(PLANS)]
        borrowed.commit()
    return found


@pytest.fixture
def table(django_pool: SharedPool, postgres: EmbeddedPostgres) -> str:
    """The conninfo of a database that has an empty table `notes`."""
    url = postgres.url(connection.settings_dict["NAME"])
    with psycopg.connect(url) as other:
        other.execute("DROP TABLE IF EXISTS notes; CREATE TABLE notes (note text)")
    return url


def notes(url: str) -> list[str]:
    with psycopg.connect(url) as other:
        return [note for (note,) in other.execute("SELECT note FROM notes")]


class TestABorrowedConnection:
    def test_stores_what_was_committed(self, table: str) -> None:
        with db.borrowed() as borrowed:
            borrowed.execute("INSERT INTO notes VALUES ('kept')")
            borrowed.commit()
            borrowed.execute("INSERT INTO notes VALUES ('not committed')")

        assert notes(table) == ["kept"]
        assert db.pool_stats().checked_out == 0

    def test_stores_nothing_when_the_block_fails(self, table: str, django_pool: SharedPool) -> None:
        bad = django_pool.get_stats().get("returns_bad", 0)
        with pytest.raises(ZeroDivisionError), db.borrowed() as borrowed:
            borrowed.execute("INSERT INTO notes VALUES ('lost')")
            raise ZeroDivisionError

        assert notes(table) == []
        assert django_pool.get_stats().get("returns_bad", 0) == bad

    def test_joins_no_transaction(self, table: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO notes VALUES ('undone')")
            with db.borrowed() as borrowed:
                borrowed.execute("INSERT INTO notes VALUES ('kept')")
                borrowed.commit()
            transaction.set_rollback(True)

        assert notes(table) == ["kept"]

    def test_is_djangos_afterwards_in_autocommit(self, table: str) -> None:
        with db.borrowed() as borrowed:
            borrowed.execute("INSERT INTO notes VALUES ('a')")
            borrowed.commit()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO notes VALUES ('b')")
        connection.close()

        assert notes(table) == ["a", "b"]

    def test_that_is_lost_frees_its_place(self, django_pool: SharedPool) -> None:
        with pytest.raises(psycopg.OperationalError) as raised, db.borrowed() as borrowed:
            borrowed.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        assert db.unavailable_reason(raised.value) == "unreachable"
        assert db.pool_stats().checked_out == 0
        assert ask(2) == ("planned once", 2)

    def test_says_who_borrows(self, django_pool: SharedPool) -> None:
        with db.borrowed():
            [holder] = [each for each in db.pool_holders() if each.borrower]

        assert holder.borrower == "psycopg"
        assert "test_says_who_borrows" in holder.borrowed_at


class TestAPreparedStatement:
    def test_is_planned_once(self, django_pool: SharedPool) -> None:
        assert [ask(number)[1] for number in range(10)] == list(range(10))

        [plan] = plans()
        assert "planned once" in plan

    def test_is_the_only_one(self, django_pool: SharedPool) -> None:
        ask()

        with db.borrowed() as borrowed:
            for _ in range(10):
                borrowed.execute("SELECT 'another'")
            borrowed.commit()
        assert len(plans()) == 1

    def test_leaves_the_connection_as_it_was(self, django_pool: SharedPool) -> None:
        connection.ensure_connection()
        before = connection.connection.prepare_threshold
        connection.close()

        ask()

        connection.ensure_connection()
        assert connection.connection.prepare_threshold == before

    def test_is_not_prepared_behind_a_pooler(
        self, django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(django_pool, "keeps_session", False)

        for number in range(10):
            ask(number)

        assert plans() == []

    def test_works_after_a_rollback(self, django_pool: SharedPool) -> None:
        ask()
        with db.borrowed() as borrowed:
            borrowed.execute_prepared(ASKED, {"number": 2})
            borrowed.rollback()

        assert ask(3)[1] == 3


class TestAPlanThatIsGone:
    @pytest.mark.parametrize("by", ["DISCARD ALL", "DEALLOCATE ALL"])
    def test_fails_once_and_says_so(self, django_pool: SharedPool, by: str) -> None:
        ask()
        connection.ensure_connection()
        connection.connection.execute(by)
        connection.close()

        with pytest.raises(psycopg.Error) as raised:
            ask()

        assert db.has_lost_plan(raised.value)
        assert ask(4)[1] == 4

    def test_is_not_what_any_error_says(self, django_pool: SharedPool) -> None:
        with pytest.raises(psycopg.Error) as raised, db.borrowed() as borrowed:
            borrowed.execute("SELECT 1/0")

        assert not db.has_lost_plan(raised.value)
