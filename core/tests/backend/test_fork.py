"""After a fork the child has a pool of its own (contract line R6)."""

import os
from typing import Any

import pytest
from django.db import connection, transaction
from sqlalchemy import text

from core import db
from core.pool import SharedPool
from core.tests.children import FORK_MARKS, in_child

pytestmark = [pytest.mark.real_pool, *FORK_MARKS]


def backend_pid() -> int:
    with db.get_engine().connect() as borrowed:
        return int(borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one())


class TestAForkedChild:
    def test_opens_connections_of_its_own(self, django_pool: SharedPool) -> None:
        mine = backend_pid()

        theirs = in_child(lambda: (backend_pid(), db.pool_stats().open))

        assert theirs[0] != mine
        assert theirs[1] == 1
        assert backend_pid() == mine

    def test_is_named_after_itself(self, django_pool: SharedPool) -> None:
        def name() -> Any:
            with connection.cursor() as cursor:
                cursor.execute("SHOW application_name")
                return (cursor.fetchone()[0], os.getpid())

        shown, pid = in_child(name)

        assert shown.endswith(f":{pid}")

    def test_leaves_connections_that_are_in_use_alone(self, django_pool: SharedPool) -> None:
        with transaction.atomic(), connection.cursor() as cursor, db.independent():
            cursor.execute("SELECT 1")
            with db.get_engine().connect() as borrowed:

                def use_and_close() -> int:
                    pid = backend_pid()
                    db.get_engine().dispose()
                    connection.close()
                    return pid

                before = borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one()

                theirs = in_child(use_and_close)

                assert theirs != before
                assert borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one() == before
                cursor.execute("SELECT 2")
                assert cursor.fetchone() == (2,)

    def test_cannot_speak_in_the_parents_session(self, django_pool: SharedPool) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))

            def use_the_parents() -> str:
                try:
                    borrowed.execute(text("SELECT 1"))
                except Exception as error:
                    return type(error).__name__
                return "it worked"

            assert in_child(use_the_parents) == "OperationalError"
            assert borrowed.execute(text("SELECT 1")).scalar_one() == 1

    def test_that_was_forked_inside_atomic_starts_afresh(self, django_pool: SharedPool) -> None:
        with transaction.atomic():
            parent = connection.connection.info.backend_pid

            def state() -> tuple[Any, bool]:
                return connection.connection, connection.needs_rollback

            assert in_child(state) == (None, True)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                assert cursor.fetchone() == (parent,)
