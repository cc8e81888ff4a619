"""The engine in a forked child, wherever the parent's threads were just then (contract line R9)."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from sqlalchemy import event, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from core import db, tables
from core.pool import SharedPool
from core.tests.children import FORK_MARKS, held_by_another_thread, in_child
from core.tests.fixtures import eventually

pytestmark = [pytest.mark.real_pool, *FORK_MARKS]


def backend_pid(engine: sqlalchemy.Engine | None = None) -> int:
    with (engine or db.get_engine()).connect() as borrowed:
        return int(borrowed.execute(text("SELECT pg_backend_pid()")).scalar_one())


class Gate:
    """Stops the threads of this process, not those of a child, where it stands."""

    def __init__(self) -> None:
        self._process_id = os.getpid()
        self.is_reached, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, *_: Any) -> None:
        if os.getpid() == self._process_id:
            self.is_reached.set()
            self.may_go_on.wait(30)


@pytest.fixture
def engine(django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch) -> sqlalchemy.Engine:
    """An engine that has not connected yet."""
    monkeypatch.setattr(db, "_engine", None)
    return db.get_engine()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.may_go_on.set()


def before_it_begins(engine: sqlalchemy.Engine, gate: Gate) -> None:
    event.listen(engine, "connect", gate, insert=True)


def in_the_middle(engine: sqlalchemy.Engine, gate: Gate) -> None:
    dialect: Any = engine.dialect
    begin = dialect.initialize

    def initialize(connection: Any) -> None:
        gate()
        begin(connection)

    dialect.initialize = initialize


def at_its_end(engine: sqlalchemy.Engine, gate: Gate) -> None:
    event.listen(engine, "connect", gate)


def connect_only(engine: sqlalchemy.Engine) -> int:
    return backend_pid(engine)


def dispose_first(engine: sqlalchemy.Engine) -> int:
    # What SQLAlchemy's documentation tells a forked child to do.
    engine.dispose(close=False)
    return backend_pid(engine)


class TestAForkDuringTheFirstConnect:
    @pytest.mark.parametrize("spot", [before_it_begins, in_the_middle, at_its_end])
    @pytest.mark.parametrize("use", [connect_only, dispose_first])
    def test_leaves_a_child_whose_engine_works(
        self,
        engine: sqlalchemy.Engine,
        gate: Gate,
        spot: Callable[[sqlalchemy.Engine, Gate], None],
        use: Callable[[sqlalchemy.Engine], int],
    ) -> None:
        pids: list[int] = []
        spot(engine, gate)
        first = threading.Thread(target=lambda: pids.append(backend_pid(engine)))
        first.start()
        gate.is_reached.wait(10)

        theirs, version = in_child(lambda: (use(engine), engine.dialect.server_version_info))

        gate.may_go_on.set()
        first.join()
        assert pids
        assert theirs not in pids
        assert version == engine.dialect.server_version_info

    def test_initialises_the_dialect_once_in_the_child(self, engine: sqlalchemy.Engine, gate: Gate) -> None:
        before_it_begins(engine, gate)
        calls: list[None] = []
        dialect: Any = engine.dialect
        begin = dialect.initialize

        def initialize(connection: Any) -> None:
            calls.append(None)
            begin(connection)

        dialect.initialize = initialize
        first = threading.Thread(target=backend_pid)
        first.start()
        gate.is_reached.wait(10)

        count = in_child(lambda: (backend_pid(), backend_pid(), len(calls)))[2]

        gate.may_go_on.set()
        first.join()
        assert count == 1

    def test_keeps_the_engines_listeners(self, engine: sqlalchemy.Engine, gate: Gate) -> None:
        before_it_begins(engine, gate)
        seen: list[int] = []
        event.listen(engine, "checkout", lambda *_: seen.append(os.getpid()))
        first = threading.Thread(target=backend_pid)
        first.start()
        gate.is_reached.wait(10)

        def connect() -> bool:
            engine.dispose(close=False)
            backend_pid()
            return seen == [os.getpid()]

        assert in_child(connect)
        gate.may_go_on.set()
        first.join()


class TestAForkInsideALock:
    @pytest.mark.parametrize(
        "lock",
        [lambda: db._engine_lock, lambda: tables._lock, lambda: listeners().first_connect_lock],
        ids=["engine", "tables", "first_connect"],
    )
    def test_leaves_a_child_that_works(self, engine: sqlalchemy.Engine, lock: Callable[[], Any]) -> None:
        def work() -> Any:
            return backend_pid(), tables.table_for(Group).name

        with held_by_another_thread(lock()):
            assert in_child(work)[1] == "auth_group"

    def test_of_a_table_that_was_half_made_makes_it_again(self, django_pool: SharedPool, gate: Gate) -> None:
        table = tables.table_for(Group)

        def begin_and_wait() -> None:
            with tables._lock:
                sqlalchemy.Table(Permission._meta.db_table, tables.METADATA)
                gate()
                tables.METADATA.remove(tables.METADATA.tables[Permission._meta.db_table])

        maker = threading.Thread(target=begin_and_wait)
        maker.start()
        gate.is_reached.wait(10)

        columns, is_the_same = in_child(
            lambda: (len(tables.table_for(Permission).columns), tables.table_for(Group) is table)
        )

        gate.may_go_on.set()
        maker.join()
        assert columns == 4
        assert is_the_same

    def test_while_the_dialects_adapters_were_made_does_too(
        self, engine: sqlalchemy.Engine, gate: Gate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def make(_: Any) -> psycopg.adapt.AdaptersMap:
            gate()
            return psycopg.adapt.AdaptersMap(psycopg.adapters)

        monkeypatch.setattr(PGDialect_psycopg, "_psycopg_adapters_map", property(make))
        first = threading.Thread(target=backend_pid)
        first.start()
        gate.is_reached.wait(10)

        assert in_child(backend_pid)

        gate.may_go_on.set()
        first.join()


class _Listeners:
    @property
    def first_connect_lock(self) -> Any:
        pool: Any = db.get_engine().pool
        return pool.dispatch.connect._get_exec_once_mutex()


def listeners() -> _Listeners:
    return _Listeners()


class TestAForkInsideAtomic:
    def test_leaves_a_child_that_works_after_the_block(self, engine: sqlalchemy.Engine) -> None:
        def leave_the_block() -> int:
            block.__exit__(None, None, None)
            with transaction.atomic():
                Group.objects.count()
                with engine.connect() as borrowed:
                    return int(borrowed.execute(text("SELECT 1")).scalar_one())

        block = transaction.atomic()
        block.__enter__()
        Group.objects.create(name="north gate")
        joined = engine.connect()
        joined.execute(text("SELECT 1"))

        assert in_child(leave_the_block) == 1

        joined.close()
        connection.set_rollback(True)
        block.__exit__(None, None, None)

    def test_leaves_a_child_whose_independent_code_works(self, engine: sqlalchemy.Engine) -> None:
        def independently() -> int:
            with db.independent():
                return backend_pid()

        with transaction.atomic():
            Group.objects.count()

            assert in_child(independently) != connection.connection.info.backend_pid


class TestAForkAtAnyMoment:
    def test_leaves_a_child_that_works_with_both_libraries(self, engine: sqlalchemy.Engine) -> None:
        is_over = threading.Event()

        def work() -> None:
            while not is_over.is_set():
                use_both()
            connection.close()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()

        assert [in_child(use_both) for _ in range(20)] == [1] * 20

        is_over.set()
        for worker in workers:
            worker.join()


def use_both() -> int:
    Group.objects.count()
    with db.get_engine().connect() as borrowed, transaction.atomic():
        return int(borrowed.execute(text("SELECT 1")).scalar_one())


class TestDispose:
    def test_makes_no_pool_where_none_was_used(
        self, engine: sqlalchemy.Engine, django_pool: SharedPool
    ) -> None:
        def dispose() -> list[str]:
            engine.dispose()
            return [thread.name for thread in threading.enumerate() if "worker" in thread.name]

        assert in_child(dispose) == []

    def test_closes_what_is_idle(self, engine: sqlalchemy.Engine, django_pool: SharedPool) -> None:
        backend_pid()
        assert django_pool.stats().checked_in == 1

        engine.dispose()

        eventually(lambda: django_pool.stats().open == 0)
