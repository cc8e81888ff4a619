"""
A checkout through SQLAlchemy's engine takes a short way, and nobody can tell.
"""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.transaction import TransactionManagementError
from sqlalchemy import event, text
from sqlalchemy.pool import Pool

from core import db
from core.engine import creator
from core.engine.pool import Checkout
from core.pool import SharedPool


@pytest.fixture(params=["this pool", "every pool"])
def heard(request: pytest.FixtureRequest, django_pool: SharedPool) -> Iterator[list[str]]:
    """Names of the events that SQLAlchemy announced; the engine was used before somebody listened."""
    target: Any = db.get_engine().pool if request.param == "this pool" else Pool
    names: list[str] = []
    listeners = {
        name: lambda *_arguments, name=name: names.append(name)
        for name in ("connect", "checkout", "reset", "checkin", "close")
    }
    db.get_engine().connect().close()
    for name, listener in listeners.items():
        event.listen(target, name, listener)
    yield names
    for name, listener in listeners.items():
        event.remove(target, name, listener)


class TestACheckout:
    def test_takes_the_short_way(self, django_pool: SharedPool) -> None:
        db.get_engine().connect().close()

        with db.get_engine().connect() as borrowed:
            assert isinstance(borrowed.connection, Checkout)

    def test_is_announced_to_those_who_listen(self, heard: list[str]) -> None:
        db.get_engine().connect().close()

        assert heard == ["connect", "checkout", "reset", "checkin", "close"]

    def test_that_is_dropped_comes_back(self, django_pool: SharedPool) -> None:
        db.get_engine().connect().close()
        borrowed = db.get_engine().connect()
        assert django_pool.stats().checked_out == 1

        del borrowed
        gc.collect()

        assert django_pool.stats().checked_out == 0

    def test_that_is_invalidated_frees_its_place(self, django_pool: SharedPool) -> None:
        db.get_engine().connect().close()

        with db.get_engine().connect() as borrowed:
            borrowed.invalidate()
            assert borrowed.execute(text("SELECT 1")).scalar() == 1

        assert django_pool.stats().checked_out == 0

    @pytest.mark.parametrize("soft", [False, True])
    def test_that_was_declared_bad_is_not_lent_again(self, django_pool: SharedPool, soft: bool) -> None:
        db.get_engine().connect().close()
        with db.get_engine().connect() as borrowed:
            before = borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one()
            borrowed.rollback()
            borrowed.connection.invalidate(soft=soft)

        with db.get_engine().connect() as borrowed:
            assert borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one() != before

    def test_starts_without_the_notes_of_the_one_before(self, django_pool: SharedPool) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.info["note"] = "mine"

        with db.get_engine().connect() as borrowed:
            assert "note" not in borrowed.info


class TestThisThreadsWrapper:
    def test_is_the_one_that_django_uses(self, django_pool: SharedPool) -> None:
        assert creator.this_threads_wrapper() is connections[DEFAULT_DB_ALIAS]

    def test_is_the_one_that_a_test_put_in_its_place(self, django_pool: SharedPool) -> None:
        before = connections[DEFAULT_DB_ALIAS]
        other = connections.create_connection(DEFAULT_DB_ALIAS)

        connections[DEFAULT_DB_ALIAS] = other
        found = creator.this_threads_wrapper()
        connections[DEFAULT_DB_ALIAS] = before

        assert found is other


class TestAutocommit:
    def test_cannot_be_switched_inside_an_atomic_block(self, django_pool: SharedPool) -> None:
        with transaction.atomic(), pytest.raises(TransactionManagementError):
            connection.set_autocommit(True)
