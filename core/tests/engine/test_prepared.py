"""A statement with the option `prepare` is planned once for each session, and leaves nothing to the ORM."""

from typing import Any

import pytest
from django.db import connection, transaction
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core import db
from core.pool import SharedPool

ASKED = text("SELECT 'planned once' AS said, CAST(:number AS integer) AS number").execution_options(
    prepare=True
)


def plans(borrowed: Connection) -> list[str]:
    return [row.statement for row in borrowed.execute(text("SELECT statement FROM pg_prepared_statements"))]


def ask(number: int = 1) -> Any:
    with db.get_engine().begin() as borrowed:
        return borrowed.execute(ASKED, {"number": number}).one()


class TestAStatement:
    def test_is_planned_once(self, django_pool: SharedPool) -> None:
        assert [ask(number).number for number in range(10)] == list(range(10))

        with db.get_engine().begin() as borrowed:
            [plan] = plans(borrowed)
            assert "planned once" in plan

    def test_that_does_not_ask_is_not_prepared(self, django_pool: SharedPool) -> None:
        ask()

        with db.get_engine().begin() as borrowed:
            for _ in range(10):
                borrowed.execute(text("SELECT 'another'"))
            assert len(plans(borrowed)) == 1

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

        with db.get_engine().begin() as borrowed:
            assert plans(borrowed) == []

    def test_works_inside_atomic(self, django_pool: SharedPool) -> None:
        with transaction.atomic():
            assert ask(7).number == 7

    def test_works_after_a_rollback(self, django_pool: SharedPool) -> None:
        ask()
        with db.get_engine().connect() as borrowed:
            borrowed.execute(ASKED, {"number": 2})
            borrowed.rollback()

        assert ask(3).number == 3


class TestAPlanThatIsGone:
    @pytest.mark.parametrize("by", ["DISCARD ALL", "DEALLOCATE ALL"])
    def test_fails_once_and_says_so(self, django_pool: SharedPool, by: str) -> None:
        ask()
        with db.get_engine().connect() as borrowed:
            borrowed.execution_options(isolation_level="AUTOCOMMIT").execute(text(by))

        with pytest.raises(DBAPIError) as raised:
            ask()

        assert db.has_lost_plan(raised.value)
        assert ask(4).number == 4

    def test_is_not_what_any_error_says(self, django_pool: SharedPool) -> None:
        with pytest.raises(DBAPIError) as raised, db.get_engine().begin() as borrowed:
            borrowed.execute(text("SELECT 1/0"))

        assert not db.has_lost_plan(raised.value)
