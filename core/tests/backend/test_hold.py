"""How long the ORM holds a connection: no longer than it needs one (contract line G3)."""

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext
from sqlalchemy import text

from core import db
from core.backend import cursors
from core.pool import SharedPool
from core.tests.backend.wrappers import MakeWrapper
from core.tests.fixtures import Crowd

pytestmark = [pytest.mark.real_pool, pytest.mark.parametrize("hold", ["transaction"], indirect=True)]


@pytest.fixture(autouse=True)
def groups(django_pool: SharedPool) -> SharedPool:
    """Two rows to read; the pool holds nothing."""
    Group.objects.bulk_create([Group(name="north"), Group(name="south")])
    connection.close()
    return django_pool


def in_use(pool: SharedPool) -> int:
    return pool.stats().checked_out


def pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


WORK: dict[str, Callable[[], Any]] = {
    "a list": lambda: list(Group.objects.all()),
    "one row": lambda: Group.objects.get(name="north"),
    "no row": lambda: Group.objects.filter(name="east").first(),
    "a count": Group.objects.count,
    "values": lambda: list(Group.objects.values_list("name")),
    "an insert": lambda: Group.objects.create(name="east"),
    "many inserts": lambda: Group.objects.bulk_create([Group(name="east"), Group(name="west")]),
    "an update": lambda: Group.objects.filter(name="north").update(name="west"),
    "a delete": lambda: Group.objects.filter(name="north").delete(),
    "get_or_create": lambda: Group.objects.get_or_create(name="east"),
    "an iterator": lambda: list(Group.objects.iterator(chunk_size=1)),
    "raw": lambda: list(Group.objects.raw("SELECT * FROM auth_group")),
    "explain": lambda: Group.objects.all().explain(),
    "a cursor": pid,
    "an empty block": transaction.atomic(int),
    "a block": transaction.atomic(Group.objects.count),
}


class TestTheOrm:
    @pytest.mark.parametrize("name", WORK)
    def test_holds_nothing_after_its_work(self, groups: SharedPool, name: str) -> None:
        WORK[name]()

        assert in_use(groups) == 0
        assert connection.connection is None

    def test_holds_nothing_after_an_error(self, groups: SharedPool) -> None:
        with pytest.raises(IntegrityError):
            Group.objects.create(name="north")
        assert in_use(groups) == 0

        with pytest.raises(IntegrityError), transaction.atomic():
            Group.objects.create(name="north")
        assert in_use(groups) == 0
        assert Group.objects.count() == 2

    def test_holds_one_in_a_block_to_its_end(self, groups: SharedPool) -> None:
        with transaction.atomic():
            first = pid()
            with transaction.atomic():
                Group.objects.select_for_update().get(name="north")
            assert (pid(), in_use(groups)) == (first, 1)
        assert in_use(groups) == 0

    def test_holds_one_while_an_iterator_is_read(self, groups: SharedPool) -> None:
        rows = Group.objects.iterator(chunk_size=1)
        next(rows)
        assert in_use(groups) == 1
        assert Group.objects.count() == 2

        assert len(list(rows)) == 1
        assert in_use(groups) == 0

    def test_holds_one_while_a_cursor_is_open(self, groups: SharedPool) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT name FROM auth_group ORDER BY name")
        assert Group.objects.count() == 2

        assert (in_use(groups), cursor.fetchall()) == (1, [("north",), ("south",)])
        cursor.close()
        assert in_use(groups) == 0

    def test_holds_one_without_autocommit(self, groups: SharedPool) -> None:
        transaction.set_autocommit(False)
        Group.objects.create(name="east")
        assert in_use(groups) == 1

        transaction.rollback()
        transaction.set_autocommit(True)

        assert in_use(groups) == 0
        assert Group.objects.count() == 2


class TestAnIteratorThatNobodyReadToItsEnd:
    def test_lets_go_when_it_is_dropped(self, groups: SharedPool) -> None:
        rows = Group.objects.iterator(chunk_size=1)
        next(rows)

        del rows
        gc.collect()

        assert in_use(groups) == 0

    def test_takes_nobodys_connection_away_when_another_thread_collects_it(self, groups: SharedPool) -> None:
        rows = Group.objects.iterator(chunk_size=1)
        next(rows)
        kept = [rows]
        del rows

        thread = threading.Thread(target=kept.clear)
        thread.start()
        thread.join()

        # It is this thread's: it goes with the next statement.
        assert Group.objects.count() == 2
        assert in_use(groups) == 0


class TestManyThreads:
    def test_share_one_connection_while_they_wait_for_each_other(
        self, groups: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        groups.resize(1, 1)
        rendered = threading.Barrier(10)

        def request(_: int) -> int:
            count = Group.objects.count()
            rendered.wait(10)
            return count + Group.objects.count()

        try:
            crowd = Crowd(10, request).run()
        finally:
            groups.resize(5, 15)

        assert (crowd.errors, crowd.results) == ([], [4] * 10)


class TestAfterTheCommit:
    def test_hooks_may_query_and_hold_nothing_afterwards(self, groups: SharedPool) -> None:
        found: list[int] = []

        def hook() -> None:
            found.append(Group.objects.count())
            with transaction.atomic():
                Group.objects.create(name=f"hook {len(found)}")
                transaction.on_commit(lambda: found.append(Group.objects.count()))

        with transaction.atomic():
            transaction.on_commit(hook)
            transaction.on_commit(lambda: found.append(-1))

        assert found == [2, 3, -1]
        assert in_use(groups) == 0


class TestSqlalchemy:
    def test_finds_the_connection_free(self, groups: SharedPool) -> None:
        groups.resize(1, 1)
        try:
            Group.objects.count()
            with db.get_engine().begin() as borrowed:
                borrowed.execute(text("INSERT INTO auth_group (name) VALUES ('east')"))
            assert Group.objects.count() == 3
        finally:
            groups.resize(5, 15)

    def test_joins_a_block_as_ever(self, groups: SharedPool) -> None:
        with transaction.atomic():
            Group.objects.create(name="east")
            with db.get_engine().begin() as borrowed:
                assert borrowed.scalar(text("SELECT count(*) FROM auth_group")) == 3
            transaction.set_rollback(True)

        assert (Group.objects.count(), in_use(groups)) == (2, 0)


class TestPinned:
    def test_keeps_one_connection_and_its_session(self, groups: SharedPool) -> None:
        with db.pinned():
            first = pid()
            with connection.cursor() as cursor:
                cursor.execute("CREATE TEMPORARY TABLE tonight (name text)")
                cursor.execute("SET work_mem = '5MB'")
            assert Group.objects.count() == 2
            with db.pinned():
                assert pid() == first
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*), current_setting('work_mem') FROM tonight")
                assert cursor.fetchone() == (0, "5MB")
            assert (pid(), in_use(groups)) == (first, 1)

        assert in_use(groups) == 0

    def test_ends_with_an_error_too(self, groups: SharedPool) -> None:
        with pytest.raises(KeyError), db.pinned():
            Group.objects.count()
            raise KeyError

        assert in_use(groups) == 0

    def test_holds_nothing_until_something_is_asked(self, groups: SharedPool) -> None:
        with db.pinned():
            assert in_use(groups) == 0

    def test_needs_our_backend(self, make_wrapper: MakeWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
        stock = make_wrapper(engine="django.db.backends.postgresql")
        monkeypatch.setattr(db, "connections", {"other": stock})

        with pytest.raises(ImproperlyConfigured, match=r"not core\.backend's"), db.pinned("other"):
            pass


class TestWhatTestsCount:
    def test_are_the_queries_and_nothing_else(self, groups: SharedPool) -> None:
        with CaptureQueriesContext(connection) as queries:
            Group.objects.count()
            with transaction.atomic():
                list(Group.objects.all())

        assert [query["sql"].split()[0] for query in queries] == ["SELECT", "BEGIN", "SELECT", "COMMIT"]


class TestAReceiverOfConnectionCreated:
    @pytest.fixture
    def prepared(self) -> Iterator[list[int]]:
        """A receiver that sets each session up."""
        called: list[int] = []

        def prepare(connection: Any, **_: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = '17s'")
            called.append(1)

        connection_created.connect(prepare)
        yield called
        connection_created.disconnect(prepare)
        with db.pinned(), connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")

    def test_is_called_for_each_connection_that_is_lent(
        self, groups: SharedPool, prepared: list[int]
    ) -> None:
        def show() -> str:
            with connection.cursor() as cursor:
                cursor.execute("SHOW statement_timeout")
                return str(cursor.fetchone()[0])

        assert [show(), show()] == ["17s", "17s"]
        # Nobody else had it meanwhile.
        assert len(prepared) == 1

        with groups.connection() as borrowed:
            borrowed.execute("SET statement_timeout = '18s'")

        assert show() == "17s"
        assert len(prepared) == 2


class TestSessionStateThatWouldBeLost:
    @pytest.mark.parametrize(
        "statement",
        [
            *("SET work_mem = '5MB'", "set session work_mem to '5MB'", "  RESET ALL", "LISTEN tonight"),
            *("CREATE TEMP TABLE t (a int)", "create local temporary table t (a int)", "LOAD 'auto_explain'"),
            *("SELECT pg_advisory_lock(1)", "select pg_try_advisory_lock_shared(1)", "PREPARE p AS SELECT 1"),
            *("SELECT set_config('work_mem', '5MB', false)", "DECLARE c CURSOR WITH HOLD FOR SELECT 1"),
            "SELECT 1 AS a INTO TEMP t",
        ],
    )
    def test_is_told(self, statement: str) -> None:
        assert cursors.changes_the_session(statement)

    @pytest.mark.parametrize(
        "statement",
        [
            *("SELECT 1", "SET LOCAL work_mem = '5MB'", "SET CONSTRAINTS ALL DEFERRED", "UPDATE t SET a = 1"),
            *(
                "SET TRANSACTION READ ONLY",
                "SELECT pg_advisory_xact_lock(1)",
                "CREATE TABLE temperature (a int)",
            ),
            *(
                "SELECT set_config('work_mem', '5MB', true)",
                "SELECT 'SET work_mem'",
                "SELECT resettled FROM t",
            ),
        ],
    )
    def test_is_not_told_of_what_leaves_nothing(self, statement: str) -> None:
        assert not cursors.changes_the_session(statement)

    def test_is_a_warning_in_development_once_for_each_place(
        self, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.DEBUG = True

        for _ in range(3):
            with connection.cursor() as cursor:
                cursor.execute("SET work_mem = '5MB'")
        with db.pinned(), connection.cursor() as cursor:
            cursor.execute("SET work_mem = '5MB'")
            cursor.execute("RESET work_mem")

        [warning] = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
        assert "test_hold.py:" in warning
        assert "with db.pinned('default'):" in warning


class TestTheOption:
    def test_is_djangos_way_unless_it_says_otherwise(self, make_wrapper: MakeWrapper) -> None:
        other = make_wrapper(pool={"min_size": 1, "max_size": 2})

        with other.cursor() as cursor:
            cursor.execute("SELECT 1")

        assert other.pool.stats().checked_out == 1

    def test_of_another_name_is_refused(self, make_wrapper: MakeWrapper) -> None:
        with pytest.raises(ImproperlyConfigured, match="hold must be one of request, transaction, not 'x'"):
            make_wrapper(pool={"hold": "x"}).cursor()
