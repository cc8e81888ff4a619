"""What a class of borrowers may take of the server's time (contract line G2)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from sqlalchemy import text

from core import db
from core.diagnosis import diagnose
from core.pool import SharedPool
from core.pool.classes import NEWEST, TIME_LIMITS, Classes, run_as, settings_of

MakePool = Callable[..., SharedPool]

CLASSES: dict[str, dict[str, Any]] = {
    "gate": {"time_limits": {"lock_timeout": 0.1, "statement_timeout": 0.3}},
    "staff": {"time_limits": {"lock_timeout": 5, "statement_timeout": 30}},
    "batch": {"time_limits": {"lock_timeout": 60}},
}
OF_THE_GATE = ("100ms", "300ms", "0")
OF_STAFF = ("5s", "30s", "0")
OF_A_BATCH = ("1min", "0", "0")
SHOW = "SELECT " + ", ".join(f"current_setting('{name}')" for name in TIME_LIMITS[:3])


@pytest.fixture
def pool(make_pool: MakePool) -> SharedPool:
    return make_pool(min_size=1, max_size=2, classes=CLASSES, default_class="staff")


@pytest.fixture
def service_pool(django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedPool]:
    """The pool that both libraries share, with these classes."""
    classes = Classes(CLASSES, "staff")
    monkeypatch.setattr(django_pool, "classes", classes)
    monkeypatch.setattr(django_pool.state, "classes", classes)
    yield django_pool
    connection.close()
    django_pool.drain()


@contextmanager
def lent(pool: SharedPool, name: str) -> Iterator[psycopg.Connection[Any]]:
    borrowed = run_as(name, pool.lend, borrower="test")
    try:
        yield borrowed
    finally:
        pool.putconn(borrowed)


def in_a_block_of_the_orm() -> Any:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SHOW)
        return cursor.fetchone()


def through_the_engine() -> Any:
    with db.get_engine().begin() as borrowed:
        return borrowed.execute(text(SHOW)).one()


def through_a_session_in_a_block() -> Any:
    with transaction.atomic(), db.get_session() as session:
        return session.execute(text(SHOW)).one()


def through_an_independent_engine() -> Any:
    with transaction.atomic(), db.get_independent_engine().begin() as borrowed:
        return borrowed.execute(text(SHOW)).one()


def through_the_orm_and_then_a_session() -> Any:
    in_a_block_of_the_orm()
    with db.get_session() as session:
        return session.execute(text(SHOW)).one()


WAYS = (
    in_a_block_of_the_orm,
    through_the_engine,
    through_a_session_in_a_block,
    through_an_independent_engine,
    through_the_orm_and_then_a_session,
)


class TestATransaction:
    @pytest.mark.real_pool
    @pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
    @pytest.mark.parametrize(
        ("name", "expected"),
        [("gate", OF_THE_GATE), ("staff", OF_STAFF), ("batch", OF_A_BATCH), ("", OF_STAFF)],
    )
    @pytest.mark.usefixtures("service_pool")
    def test_has_the_limits_of_its_class_through_either_library(
        self, way: Callable[[], Any], name: str, expected: Any
    ) -> None:
        connection.close()

        assert tuple(run_as(name, way)) == expected

    def test_of_the_driver_has_them_too(self, pool: SharedPool) -> None:
        with lent(pool, "gate") as borrowed, borrowed.transaction():
            assert borrowed.execute(SHOW).fetchone() == OF_THE_GATE

    def test_takes_them_with_it_when_it_ends(self, pool: SharedPool) -> None:
        with lent(pool, "gate") as borrowed:
            with borrowed.transaction():
                borrowed.execute("SELECT 1")

            assert borrowed.execute(SHOW).fetchone() == OF_STAFF

    def test_costs_no_more_round_trips(self, pool: SharedPool) -> None:
        counts = {}
        for name in ("staff", "gate"):
            with lent(pool, name) as borrowed:
                before = borrowed.use_count  # type: ignore[attr-defined]
                with borrowed.transaction():
                    borrowed.execute("SELECT 1")
                counts[name] = borrowed.use_count - before  # type: ignore[attr-defined]

        assert counts["gate"] == counts["staff"]

    def test_of_a_read_only_one_begins_as_it_was_asked_to(self, pool: SharedPool) -> None:
        with lent(pool, "gate") as borrowed:
            borrowed.read_only = True
            with borrowed.transaction(), pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                borrowed.execute("CREATE TABLE never (id int)")

    def test_in_a_pipeline_works_with_the_sessions_limits(self, pool: SharedPool) -> None:
        with lent(pool, "gate") as borrowed, borrowed.pipeline(), borrowed.transaction():
            assert borrowed.execute(SHOW).fetchone() == OF_STAFF


class TestALimit:
    def test_ends_a_wait_for_a_lock(self, pool: SharedPool, outside: psycopg.Connection[Any]) -> None:
        outside.execute("CREATE TABLE kept_busy (id int)")
        try:
            with outside.transaction():
                outside.execute("LOCK TABLE kept_busy")

                with (
                    lent(pool, "gate") as borrowed,
                    pytest.raises(psycopg.errors.LockNotAvailable) as error,
                    borrowed.transaction(),
                ):
                    borrowed.execute("INSERT INTO kept_busy VALUES (1)")
        finally:
            outside.execute("DROP TABLE kept_busy")

        found = db.diagnose(error.value)
        assert found is not None
        assert found.reason == "busy"

    def test_ends_a_statement(self, pool: SharedPool) -> None:
        with (
            lent(pool, "gate") as borrowed,
            pytest.raises(psycopg.errors.QueryCanceled) as error,
            borrowed.transaction(),
        ):
            borrowed.execute("SELECT pg_sleep(30)")

        found = db.diagnose(error.value)
        assert found is not None
        assert found.reason == "timeout"

    def test_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(TypeError, match="class 'gate' of borrowers has no time limit lock_timeot"):
            Classes({"gate": {"time_limits": {"lock_timeot": 1}}})


class TestALongTransaction:
    @pytest.fixture
    def short(self, make_pool: MakePool, outside: psycopg.Connection[Any]) -> SharedPool:
        """A pool whose gates have 0.3 s for a transaction."""
        if outside.info.server_version < NEWEST:
            pytest.skip("transaction_timeout is new in Postgres 17")
        classes = {"gate": {"time_limits": {"transaction_timeout": 0.3}}, "staff": {}}
        return make_pool(min_size=1, classes=classes)

    def test_ends_with_its_connection_however_short_its_statements(self, short: SharedPool) -> None:
        ends = pytest.raises(psycopg.errors.TransactionTimeout)
        with lent(short, "gate") as borrowed, ends as ended, borrowed.transaction():
            for _ in range(10):
                borrowed.execute("SELECT pg_sleep(0.1)")

        assert diagnose(ended.value).reason == "timeout"  # type: ignore[union-attr]

    def test_of_another_class_has_none(self, short: SharedPool) -> None:
        with lent(short, "staff") as borrowed, borrowed.transaction():
            for _ in range(4):
                borrowed.execute("SELECT pg_sleep(0.1)")


class TestAnOlderServer:
    def test_is_not_asked_for_what_it_does_not_know(self) -> None:
        limits = {"lock_timeout": 2, "transaction_timeout": 10}

        assert settings_of(limits, version=NEWEST - 1) == b"; SET lock_timeout = 2000"
        assert settings_of(limits, version=NEWEST).endswith(b"; SET transaction_timeout = 10000")
