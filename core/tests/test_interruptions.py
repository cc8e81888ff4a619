"""
An exception at any line of a borrow or a return loses no place (contract line R8).

A signal's handler may raise one anywhere: Celery's soft time limit does, and Ctrl-C. Here a trace function
raises at one line after the other, of our own code and of the libraries' that a borrow passes through.
"""

import gc
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg_pool
import pytest
from django.db import connection, transaction
from sqlalchemy import text

import core
from core import db
from core.pool import SharedPool
from core.tests.fixtures import eventually, held

pytestmark = pytest.mark.real_pool

OURS = str(Path(core.__file__).parent)
LIBRARIES = (str(Path(psycopg_pool.__file__).parent),)
TESTS = str(Path(__file__).parent)


class Interrupted(BaseException):
    """What the signal's handler raises."""


@contextmanager
def interrupted_at(number: int) -> Iterator[list[str]]:
    """Raise at the line with this number, counted over all that is traced; name it."""
    seen, places = 0, list[str]()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal seen
        file = frame.f_code.co_filename
        if not file.startswith((OURS, *LIBRARIES)) or file.startswith(TESTS):
            return None
        if event == "line":
            seen += 1
            if seen == number:
                sys.settrace(None)
                places.append(f"{file}:{frame.f_lineno}")
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield places
    finally:
        sys.settrace(before)


def through_the_pool(pool: SharedPool) -> None:
    pool.putconn(pool.getconn())


def through_a_block(pool: SharedPool) -> None:
    with pool.connection() as borrowed:
        borrowed.execute("SELECT 1")


def through_the_orm(_: SharedPool) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def through_two_queries(_: SharedPool) -> None:
    """The second one takes back what the first one let go."""
    try:
        for _number in range(2):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
    finally:
        connection.close()


def through_atomic(_: SharedPool) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def through_the_engine(_: SharedPool) -> None:
    with db.get_engine().connect() as borrowed:
        borrowed.execute(text("SELECT 1"))


def through_a_session(_: SharedPool) -> None:
    with db.get_session() as session:
        session.execute(text("SELECT 1"))
        session.commit()


def through_a_handover(_: SharedPool) -> None:
    try:
        connection.ensure_connection()
        with db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
    finally:
        connection.close()


def through_a_join(_: SharedPool) -> None:
    try:
        with transaction.atomic(), db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))
    finally:
        connection.close()


WAYS = [
    through_the_pool,
    through_a_block,
    through_the_orm,
    through_two_queries,
    through_atomic,
    through_the_engine,
    through_a_session,
    through_a_handover,
    through_a_join,
]


def lines_of(work: Callable[[SharedPool], None], pool: SharedPool) -> Iterator[str]:
    """Interrupt `work` at each of its lines in turn; yield where, after each."""
    number = 0
    while True:
        number += 1
        places: list[str] = []
        try:
            with interrupted_at(number) as places:
                work(pool)
        except BaseException as error:
            if not places:
                raise
            del error
        if not places:
            return
        yield places[0]


def clean_up() -> None:
    # A wrapper whose block was interrupted before its end would refuse to begin again, and to close.
    connection.in_atomic_block = False
    connection.savepoint_ids, connection.atomic_blocks = [], []
    connection.needs_rollback = connection.closed_in_transaction = False
    connection.close()


@pytest.fixture(autouse=True)
def _no_kept_records(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # pytest keeps what is logged, an exception's frames included, and with them whatever they hold; and what
    # is raised in a finalizer, which the collector may run in the midst of any other work.
    logging.disable(logging.CRITICAL)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("work", WAYS, ids=lambda work: work.__name__)
class TestAnInterruptionAtAnyLine:
    def test_loses_no_place(
        self, work: Callable[[SharedPool], None], django_pool: SharedPool, request: pytest.FixtureRequest
    ) -> None:
        work(django_pool)
        count, bound = 0, django_pool.max_size
        for place in lines_of(work, django_pool):
            count += 1
            clean_up()
            if django_pool.stats().checked_out or django_pool.slots.taken > 1:
                gc.collect()
            if django_pool.slots.taken > 1:
                # A finalizer was interrupted: who opens the next one closes what that left open.
                with held(django_pool, 2):
                    pass
                django_pool.drain()
            assert django_pool.stats().checked_out == 0, place
            assert django_pool.stats().waiting == 0, place
            assert django_pool.slots.taken <= 1, place
            through_the_pool(django_pool)

        assert count > 20
        with held(django_pool, bound):
            assert django_pool.stats().checked_out == bound
        eventually(lambda: django_pool.stats().checked_out == 0)
