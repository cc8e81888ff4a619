"""Independence belongs to a connection, and leaks to nobody (contract line L12)."""

import asyncio
import contextvars
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from sqlalchemy import text

from core import db
from core.engine import independence
from core.pool import SharedPool

pytestmark = pytest.mark.real_pool


class Undo(Exception):
    """Raised inside a block to make it roll back."""


def names() -> list[str]:
    connection.close()
    return sorted(Group.objects.values_list("name", flat=True))


def write(name: str) -> None:
    with db.get_engine().begin() as borrowed:
        borrowed.execute(text("INSERT INTO auth_group (name) VALUES (:name)"), {"name": name})


def rows() -> Generator[Any, None, None]:
    with db.independent(), db.get_engine().connect() as borrowed:
        yield from borrowed.scalars(text("SELECT generate_series(1, 3)"))


@contextmanager
def apart() -> Iterator[None]:
    with db.independent():
        yield


def enter(stack: ExitStack) -> None:
    stack.enter_context(db.independent())


class TestIndependent:
    def test_in_a_generator_does_not_reach_its_consumer(self, django_pool: SharedPool) -> None:
        generator = rows()

        with pytest.raises(Undo), transaction.atomic():
            assert next(generator) == 1
            write("gone")
            raise Undo

        generator.close()
        assert names() == []

    def test_in_a_generator_that_another_thread_closes_ends_there(self, django_pool: SharedPool) -> None:
        generator = rows()
        next(generator)
        thread = threading.Thread(target=generator.close)
        thread.start()
        thread.join()

        assert not independence._frames
        with pytest.raises(Undo), transaction.atomic():
            write("gone")
            raise Undo
        assert names() == []

    def test_is_not_carried_to_another_thread(self, django_pool: SharedPool) -> None:
        seen: list[bool] = []
        with db.independent():
            context = contextvars.copy_context()
            thread = threading.Thread(target=lambda: seen.append(context.run(independence.is_active)))
            thread.start()
            thread.join()
            assert independence.is_active()

        assert seen == [False]

    def test_is_not_carried_to_another_task(self) -> None:
        async def inside(entered: asyncio.Event, may_leave: asyncio.Event) -> None:
            with db.independent():
                entered.set()
                await may_leave.wait()

        async def main() -> bool:
            entered, may_leave = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(inside(entered, may_leave))
            await entered.wait()
            seen = independence.is_active()
            may_leave.set()
            await task
            return seen

        assert not asyncio.run(main())

    def test_holds_for_what_the_block_calls(self, django_pool: SharedPool) -> None:
        with pytest.raises(Undo), transaction.atomic():
            with db.independent():
                write("kept")
            write("gone")
            raise Undo

        assert names() == ["kept"]

    def test_holds_where_a_context_manager_or_an_exit_stack_enters_it(self, django_pool: SharedPool) -> None:
        with pytest.raises(Undo), transaction.atomic():
            with apart():
                write("through a context manager")
            with ExitStack() as stack:
                stack.enter_context(db.independent())
                write("through a stack")
            db.independent()(write)("through a decorator")
            write("gone")
            raise Undo

        assert names() == ["through a context manager", "through a decorator", "through a stack"]

    def test_may_be_nested(self, django_pool: SharedPool) -> None:
        with db.independent():
            with db.independent():
                pass
            assert independence.is_active()
        assert not independence.is_active()

    def test_ends_with_the_function_that_entered_it_by_hand(self, django_pool: SharedPool) -> None:
        with pytest.raises(Undo), transaction.atomic(), ExitStack() as stack:
            enter(stack)
            for number in range(20):  # some frame gets the memory of the one that is gone
                write(f"gone {number}")
            raise Undo

        assert names() == []


class TestTheIndependentEngine:
    def test_commits_although_the_block_rolls_back(self, django_pool: SharedPool) -> None:
        with pytest.raises(Undo), transaction.atomic():
            Group.objects.create(name="gone")
            with db.get_independent_engine().begin() as borrowed:
                borrowed.execute(text("INSERT INTO auth_group (name) VALUES ('kept')"))
            raise Undo

        assert names() == ["kept"]

    def test_is_independent_in_a_generator_and_nobody_else_is(self, django_pool: SharedPool) -> None:
        def numbers() -> Iterator[Any]:
            with db.get_independent_engine().connect() as borrowed:
                yield from borrowed.scalars(text("SELECT generate_series(1, 3)"))

        with pytest.raises(Undo), transaction.atomic():
            for _ in numbers():
                Group.objects.count()
            write("gone")
            raise Undo

        assert names() == []

    def test_borrows_from_the_same_pool(self, django_pool: SharedPool) -> None:
        with db.get_engine().connect(), db.get_independent_engine().connect():
            assert django_pool.stats().checked_out == 2

    def test_is_what_independent_gives(self) -> None:
        with db.independent() as engine:
            assert engine is db.get_independent_engine()
