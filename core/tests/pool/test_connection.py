"""A connection comes back as it left (contract line L2)."""

import contextlib
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection as django_connection
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader
from sqlalchemy import text

from core import db
from core.pool import SharedPool
from core.pool.connection import PooledConnection

Change = Callable[[PooledConnection], Any]


def read(connection: PooledConnection) -> dict[str, Any]:
    """Everything that a borrower can change on a connection."""
    return {
        "autocommit": connection.autocommit,
        "isolation_level": connection.isolation_level,
        "read_only": connection.read_only,
        "deferrable": connection.deferrable,
        "notice_handlers": list(connection._notice_handlers),
        "notify_handlers": list(connection._notify_handlers),
        "json_loader": connection.adapters.get_loader(114, psycopg.pq.Format.TEXT),
        "text_dumper": connection.adapters.get_dumper(str, psycopg.adapt.PyFormat.AUTO),
        "type": connection.adapters.types.get("invented"),
        "cursor_factory": connection.cursor_factory,
        "server_cursor_factory": connection.server_cursor_factory,
        "row_factory": connection.row_factory,
        "prepare_threshold": connection.prepare_threshold,
        "prepared_max": connection.prepared_max,
        "status": connection.info.transaction_status,
    }


class OtherCursor(psycopg.Cursor[Any]): ...


class OtherServerCursor(psycopg.ServerCursor[Any]): ...


def change_type(connection: PooledConnection) -> None:
    connection.adapters.types.add(psycopg.types.TypeInfo("invented", 999_999, 999_998))


def open_transaction(connection: PooledConnection) -> None:
    connection.autocommit = False
    connection.execute("SELECT 1")


def fail_in_transaction(connection: PooledConnection) -> None:
    connection.autocommit = False
    with contextlib.suppress(psycopg.Error):
        connection.execute("SELECT 1 / 0")


CHANGES: dict[str, Change] = {
    "autocommit": lambda c: c.set_autocommit(False),
    "isolation level": lambda c: c.set_isolation_level(psycopg.IsolationLevel.SERIALIZABLE),
    "read only": lambda c: c.set_read_only(True),
    "deferrable": lambda c: c.set_deferrable(True),
    "notice handler": lambda c: c.add_notice_handler(print),
    "notify handler": lambda c: c.add_notify_handler(print),
    "json loader": lambda c: set_json_loads(str, c),
    "text loader for json": lambda c: c.adapters.register_loader("json", TextLoader),
    "dumper": lambda c: c.adapters.register_dumper(str, psycopg.types.string.StrDumperVarchar),
    "type": change_type,
    "cursor factory": lambda c: setattr(c, "cursor_factory", OtherCursor),
    "server cursor factory": lambda c: setattr(c, "server_cursor_factory", OtherServerCursor),
    "row factory": lambda c: setattr(c, "row_factory", dict_row),
    "prepare threshold": lambda c: setattr(c, "prepare_threshold", 0),
    "prepared max": lambda c: setattr(c, "prepared_max", 1),
    "open transaction": open_transaction,
    "failed transaction": fail_in_transaction,
}


class TestScrubbing:
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_what_a_borrower_changed_is_put_back(self, pool_of_one: SharedPool, change: Change) -> None:
        connection = pool_of_one.getconn()
        before, pid = read(connection), connection.info.backend_pid
        change(connection)
        assert read(connection) != before, "the test must change something"

        pool_of_one.putconn(connection)
        connection = pool_of_one.getconn()

        assert read(connection) == before
        assert connection.info.backend_pid == pid
        pool_of_one.putconn(connection)

    def test_the_isolation_level_of_one_borrower_does_not_reach_the_next_ones_begin(
        self, pool_of_one: SharedPool
    ) -> None:
        with pool_of_one.connection() as connection:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            connection.autocommit = False
            connection.execute("SELECT 1")

        with pool_of_one.connection() as connection:
            connection.autocommit = False
            row = connection.execute("SHOW transaction_isolation").fetchone()

        assert row == ("read committed",)

    def test_unread_notifications_do_not_reach_the_next_borrower(self, pool_of_one: SharedPool) -> None:
        with pool_of_one.connection() as connection:
            connection.execute("LISTEN gate")
            connection.execute("NOTIFY gate, 'secret'")

        with pool_of_one.connection() as connection:
            assert list(connection.notifies(timeout=0)) == []

    def test_a_thousand_borrows_leave_the_connection_as_it_was(self, pool_of_one: SharedPool) -> None:
        connection = pool_of_one.getconn()
        before, pid = read(connection), connection.info.backend_pid
        pool_of_one.putconn(connection)

        for number in range(1000):
            connection = pool_of_one.getconn()
            list(CHANGES.values())[number % len(CHANGES)](connection)
            pool_of_one.putconn(connection)

        connection = pool_of_one.getconn()
        assert read(connection) == before
        assert connection.info.backend_pid == pid
        pool_of_one.putconn(connection)


def enter_pipeline(connection: PooledConnection) -> Any:
    block = connection.pipeline()
    block.__enter__()
    return block


def enter_transaction(connection: PooledConnection) -> Any:
    block = connection.transaction()
    block.__enter__()
    return block


class TestWhatCannotBePutBack:
    @pytest.mark.parametrize(
        "leave",
        [
            pytest.param(lambda c: c.pgconn.send_query(b"SELECT pg_sleep(60)"), id="a running statement"),
            pytest.param(enter_pipeline, id="a pipeline"),
            pytest.param(enter_transaction, id="an open transaction block"),
        ],
    )
    def test_it_is_discarded_and_counted(self, pool_of_one: SharedPool, leave: Change) -> None:
        connection = pool_of_one.getconn()
        open_block = leave(connection)

        pool_of_one.putconn(connection)

        del open_block

        assert connection.closed
        assert pool_of_one.stats().open == 0
        assert pool_of_one.get_stats()["returns_bad"] == 1

    def test_a_prepared_two_phase_transaction_is_discarded(self, pool_of_one: SharedPool) -> None:
        connection = pool_of_one.getconn()
        connection.autocommit = False
        connection.tpc_begin(connection.xid(1, "gtrid", "bqual"))

        pool_of_one.putconn(connection)

        assert connection.closed


class TestUnfinishedWork:
    @pytest.mark.parametrize("change", [open_transaction, fail_in_transaction])
    def test_a_transaction_that_is_rolled_back_on_return_is_logged_once_with_who_left_it(
        self, pool_of_one: SharedPool, caplog: pytest.LogCaptureFixture, change: Change
    ) -> None:
        connection = pool_of_one.getconn()
        change(connection)

        pool_of_one.putconn(connection)

        (record,) = caplog.records
        assert record.levelname == "WARNING"
        assert "returned in a transaction, rolling back: thread MainThread (django)" in record.getMessage()
        assert "test_connection.py" in record.getMessage()
        assert "SELECT" not in record.getMessage()

    def test_a_statement_that_still_runs_is_logged(
        self, pool_of_one: SharedPool, caplog: pytest.LogCaptureFixture
    ) -> None:
        connection = pool_of_one.getconn()
        connection.pgconn.send_query(b"SELECT pg_sleep(60)")

        pool_of_one.putconn(connection)

        (record,) = caplog.records
        assert "returned in the middle of a statement: thread MainThread" in record.getMessage()

    def test_a_finished_transaction_is_not(
        self, pool_of_one: SharedPool, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pool_of_one.connection() as connection:
            open_transaction(connection)

        assert caplog.records == []

    @pytest.mark.real_pool
    def test_sqlalchemy_which_always_rolls_back_on_return_is_not(
        self, django_pool: SharedPool, caplog: pytest.LogCaptureFixture
    ) -> None:
        with db.get_engine().connect() as borrowed:
            borrowed.execute(text("SELECT 1"))

        assert caplog.records == []
        assert django_pool.stats().checked_in == 1

    @pytest.mark.real_pool
    def test_a_transaction_that_django_code_did_not_commit_is(
        self, django_pool: SharedPool, caplog: pytest.LogCaptureFixture
    ) -> None:
        django_connection.set_autocommit(False)
        with django_connection.cursor() as cursor:
            cursor.execute("SELECT 1")

        django_connection.close()

        (record,) = caplog.records
        assert (
            "returned in a transaction, rolling back: thread MainThread (django, staff)"
            in record.getMessage()
        )
