"""What an error of the database means for whoever asked, by its SQLSTATE (contract line R11)."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import django.db
import psycopg
import pytest
import sqlalchemy as sa
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from psycopg import pq

from core import db
from core.pool import SharedPool
from core.tests.fixtures import held

pytestmark = pytest.mark.real_pool

NOT_NOW = {
    "08006": "unreachable", "57P01": "unreachable", "57P03": "unreachable", "57P05": "unreachable",
    "53300": "unreachable",
    "55P03": "busy",
    "57014": "timeout", "25P03": "timeout", "25P04": "timeout",
    "40001": "conflict", "40P01": "conflict",
    "53100": "out_of_resources", "53200": "out_of_resources", "53400": "out_of_resources",
    "58030": "out_of_resources",
    "25006": "read_only",
}  # fmt: skip
# Values that do not fit, and mistakes of the code: another try fails the same way.
NEVER = [
    *("08P01", "22001", "22P02", "25001", "25P02", "28000", "3B001", "3D000", "40002", "42P01", "42501"),
    *("54000", "55000", "55006", "58P01", "P0001", "XX000"),
]


def failure_with(sqlstate: str) -> str:
    """Return a statement that fails with this SQLSTATE."""
    return f"DO $$ BEGIN RAISE EXCEPTION 'somebody''s secret' USING ERRCODE = '{sqlstate}'; END $$"


def through_the_orm(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def through_sqlalchemy(statement: str) -> None:
    with db.get_session() as session:
        session.execute(sa.text(statement.replace(":", r"\:")))


def through_a_joined_connection(statement: str) -> None:
    with transaction.atomic():
        through_sqlalchemy(statement)


@pytest.fixture
def through_psycopg(django_pool: SharedPool) -> Callable[[str], None]:
    def run(statement: str) -> None:
        with django_pool.connection() as borrowed:
            borrowed.execute(statement)

    return run


@pytest.fixture(params=["django", "sqlalchemy", "joined", "psycopg"])
def run(request: pytest.FixtureRequest, through_psycopg: Any) -> Callable[[str], None]:
    """Each way to send a statement."""
    ways: dict[str, Callable[[str], None]] = {
        "django": through_the_orm,
        "sqlalchemy": through_sqlalchemy,
        "joined": through_a_joined_connection,
        "psycopg": through_psycopg,
    }
    return ways[request.param]


def error_of(action: Callable[..., Any], *arguments: Any) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what the test asks next
        action(*arguments)
    return raised.value


class TestByItsSqlstate:
    @pytest.mark.parametrize(("sqlstate", "reason"), NOT_NOW.items())
    def test_a_later_try_may_succeed(self, run: Callable[[str], None], sqlstate: str, reason: str) -> None:
        error = error_of(run, failure_with(sqlstate))

        assert db.unavailable_reason(error) == reason
        assert db.is_unavailable(error)

    @pytest.mark.parametrize("sqlstate", NEVER)
    def test_bad_input_or_a_mistake_of_ours(self, run: Callable[[str], None], sqlstate: str) -> None:
        error = error_of(run, failure_with(sqlstate))

        assert db.unavailable_reason(error) is None
        assert not db.is_unavailable(error)


@pytest.fixture
def locked(django_pool: SharedPool, outside: psycopg.Connection[Any]) -> Iterator[str]:
    """A table that another session has locked; our borrowers may wait 50 ms for it."""
    through_the_orm("CREATE TABLE gate_keys (id int PRIMARY KEY)")
    connection.close()
    name = connection.settings_dict["NAME"]
    with psycopg.connect(host=outside.info.host, user="postgres", dbname=name) as locker:
        locker.execute("LOCK TABLE gate_keys")
        yield "SET LOCAL lock_timeout = 50; SELECT * FROM gate_keys"
    through_the_orm("DROP TABLE gate_keys")


class TestWhatPostgresSays:
    def test_a_lock_that_is_not_free_in_time_is_busy(self, run: Callable[[str], None], locked: str) -> None:
        assert db.unavailable_reason(error_of(run, locked)) == "busy"

    def test_a_statement_that_took_too_long_is_a_timeout(self, run: Callable[[str], None]) -> None:
        slow = "SET LOCAL statement_timeout = 50; SELECT pg_sleep(5)"

        assert db.unavailable_reason(error_of(run, slow)) == "timeout"

    def test_a_transaction_that_sat_idle_too_long_is_a_timeout(self, django_pool: SharedPool) -> None:
        def sit() -> None:
            with db.get_session() as session:
                session.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 20"))
                threading.Event().wait(0.3)
                session.execute(sa.text("SELECT 1"))

        assert db.unavailable_reason(error_of(sit)) == "timeout"

    def test_a_write_to_a_server_that_takes_none_is_read_only(self, run: Callable[[str], None]) -> None:
        write = "SET LOCAL transaction_read_only = on; CREATE TABLE refused ()"

        assert db.unavailable_reason(error_of(run, write)) == "read_only"

    def test_a_value_too_long_for_an_index_is_a_mistake(self, run: Callable[[str], None]) -> None:
        too_long = (
            "CREATE TEMP TABLE longest (name text PRIMARY KEY) ON COMMIT DROP;"
            "INSERT INTO longest SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) AS n"
        )

        error = error_of(run, too_long)

        assert "index row" in str(error)
        assert not db.is_unavailable(error)

    def test_a_lost_savepoint_is_a_mistake(self, run: Callable[[str], None]) -> None:
        assert not db.is_unavailable(error_of(run, "BEGIN; ROLLBACK TO SAVEPOINT nobody_made"))

    def test_a_backend_that_was_killed_is_unreachable(
        self, run: Callable[[str], None], django_pool: SharedPool
    ) -> None:
        error = error_of(run, "SELECT pg_terminate_backend(pg_backend_pid())")

        assert db.unavailable_reason(error) == "unreachable"


class TestWithoutASqlstate:
    def test_a_connection_that_is_gone_is_unreachable(
        self, django_pool: SharedPool, kill: Callable[[int], None]
    ) -> None:
        borrowed = django_pool.getconn()
        kill(borrowed.info.backend_pid)
        error_of(borrowed.execute, "SELECT 1")

        again = error_of(borrowed.execute, "SELECT 1")

        borrowed.close()
        assert getattr(again, "sqlstate", None) is None
        assert db.unavailable_reason(again) == "unreachable"

    def test_a_failed_connect_is_unreachable(self) -> None:
        error = error_of(psycopg.connect, "host=127.0.0.1 port=9")

        assert db.unavailable_reason(error) == "unreachable"

    def test_a_full_pool_is_full(self, django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(django_pool, "timeout", 0.05)
        with held(django_pool):
            assert db.unavailable_reason(error_of(through_the_orm, "SELECT 1")) == "pool_full"
            assert db.unavailable_reason(error_of(through_sqlalchemy, "SELECT 1")) == "pool_full"
            assert db.unavailable_reason(error_of(django_pool.getconn)) == "pool_full"

    def test_an_error_that_a_library_made_without_the_driver_is_unreachable(self) -> None:
        assert db.unavailable_reason(django.db.OperationalError("gone")) == "unreachable"

    def test_more_parameters_than_a_statement_can_have_are_a_mistake(self, django_pool: SharedPool) -> None:
        with django_pool.connection() as borrowed:
            error = error_of(
                psycopg.Cursor(borrowed).execute, f"SELECT {','.join(['%s'] * 65536)}", [1] * 65536
            )

        assert "number of parameters" in str(error)
        assert not db.is_unavailable(error)

    def test_a_connection_that_is_busy_is_a_mistake(self, django_pool: SharedPool) -> None:
        with django_pool.connection() as borrowed:
            borrowed.pgconn.send_query(b"SELECT pg_sleep(0.1)")
            error = error_of(borrowed.pgconn.send_query, b"SELECT 1")
            while borrowed.pgconn.get_result():
                pass

        assert not db.is_unavailable(error)

    def test_what_is_no_error_of_the_database_is_a_mistake(self) -> None:
        assert db.unavailable_reason(KeyError("gate")) is None

    def test_a_connection_that_was_given_back_is_a_mistake(self, django_pool: SharedPool) -> None:
        with db.get_engine().connect() as engine_connection:
            raw = engine_connection.connection.dbapi_connection

        error = error_of(lambda: raw.info)  # type: ignore[union-attr]

        assert not db.is_unavailable(error)

    def test_a_handle_whose_block_has_ended_is_a_mistake(self, django_pool: SharedPool) -> None:
        with transaction.atomic():
            session = db.get_session()
            session.execute(sa.text("CREATE TEMP TABLE left_behind ()"))

        assert not db.is_unavailable(error_of(session.commit))
        session.close()


class TestAnErrorWithAHistory:
    def test_counts_as_what_it_was_raised_from(self, django_pool: SharedPool) -> None:
        def wrap() -> None:
            try:
                through_the_orm(failure_with("40P01"))
            except django.db.OperationalError as error:
                raise RuntimeError("no summary") from error

        assert db.unavailable_reason(error_of(wrap)) == "conflict"

    def test_a_transaction_that_is_used_after_a_failure_is_a_mistake(self, django_pool: SharedPool) -> None:
        """Whatever failed before: the code went on as if nothing had happened."""

        def go_on() -> None:
            with transaction.atomic():
                with pytest.raises(django.db.OperationalError), transaction.atomic(savepoint=False):
                    through_the_orm(failure_with("40P01"))
                through_the_orm("SELECT 1")

        error = error_of(go_on)

        assert isinstance(error, TransactionManagementError)
        assert not db.is_unavailable(error)


class TestAnErrorThatEndedTheConnection:
    def test_is_unreachable_whatever_its_code(self) -> None:
        """So does PgBouncer say that a server connection is gone."""
        fields: dict[int, bytes | None] = {
            pq.DiagnosticField.SEVERITY: b"FATAL",
            pq.DiagnosticField.SQLSTATE: b"08P01",
        }

        error = psycopg.errors.ProtocolViolation("server conn crashed?", info=fields)

        assert db.unavailable_reason(error) == "unreachable"
