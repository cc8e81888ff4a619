"""A login that is refused for good, and one that may succeed by itself (contract line R12)."""

import logging
import socket
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.db import connection

from core import db
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool, growth
from core.pool.connection import PooledConnection
from core.pool.refusal import as_text, refusal_of
from core.pool.wait_queue import ServerRefused, ServerUnreachable
from core.tests.fixtures import Crowd, eventually, held, when_waiting
from core.tests.refusing_server import RefusingServer

MakePool = Callable[..., SharedPool]


def failure_of(conninfo: str, **parameters: Any) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what the test asks next
        PooledConnection.connect(conninfo, **parameters)
    return raised.value


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let each look-up of a host's name fail with one of getaddrinfo's numbers."""

    def fail_with(number: int) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise socket.gaierror(number, "whatever the resolver says")

        monkeypatch.setattr(socket, "getaddrinfo", fail)

    return fail_with


class TestARefusal:
    @pytest.mark.parametrize(
        ("database", "user", "sqlstate"), [("no_such", "postgres", "3D000"), ("postgres", "nobody", "28000")]
    )
    def test_has_its_sqlstate(
        self, postgres: EmbeddedPostgres, database: str, user: str, sqlstate: str
    ) -> None:
        error = failure_of(f"host={postgres.socket_dir} dbname={database} user={user}")

        assert getattr(error, "sqlstate", None) == sqlstate
        assert "LOCATION" not in str(error)
        assert (refusal_of(error) or "").endswith(f"does not exist (SQLSTATE {sqlstate})")

    def test_is_known_in_any_language(self) -> None:
        with RefusingServer("28P01", "пользователь не прошёл проверку", severity="ВАЖНО") as server:
            error = failure_of(server.conninfo())

        assert type(error) is psycopg.errors.InvalidPassword
        assert refusal_of(error) == "пользователь не прошёл проверку (SQLSTATE 28P01)"
        assert "ВАЖНО:  пользователь не прошёл проверку" in str(error)

    def test_is_its_first_sentence(self) -> None:
        message = 'permission denied for database "gates"\nDETAIL:  User does not have CONNECT privilege.'
        with RefusingServer("42501", message) as server:
            error = failure_of(server.conninfo())

        assert refusal_of(error) == 'permission denied for database "gates" (SQLSTATE 42501)'

    @pytest.mark.parametrize("sqlstate", ["42501", "42704", "22023", "0A000"])
    def test_is_also_what_no_waiting_mends(self, sqlstate: str) -> None:
        with RefusingServer(sqlstate, "no") as server:
            assert refusal_of(failure_of(server.conninfo())) == f"no (SQLSTATE {sqlstate})"

    @pytest.mark.parametrize("sqlstate", ["57P03", "53300", "08P01", "55000", "XX000", "QQ123"])
    def test_is_not_what_may_pass(self, sqlstate: str) -> None:
        with RefusingServer(sqlstate, "not now") as server:
            error = failure_of(server.conninfo())

        assert getattr(error, "sqlstate", None) == sqlstate
        assert refusal_of(error) is None

    def test_is_a_host_that_nobody_knows_and_does_not_quote_it(self, names: Callable[[int], None]) -> None:
        """It may be a piece of a password that was not percent-encoded."""
        names(socket.EAI_NONAME)

        error = failure_of("host=hunter2")

        assert refusal_of(error) == "the name of its host is unknown"
        assert "hunter2" not in as_text(error)

    def test_is_a_host_that_can_be_none(self) -> None:
        error = failure_of(f"host=hunter2..{'x' * 70}")

        assert refusal_of(error) == "the name of its host is unknown"
        assert "hunter2" not in as_text(error)

    def test_is_not_quoted_at_the_end_of_the_process_either(
        self, make_pool: MakePool, names: Callable[[int], None]
    ) -> None:
        pool = make_pool(conninfo="host=hunter2")
        names(socket.EAI_NONAME)
        pool.close()
        pool.exit_thread = threading.current_thread()

        with pytest.raises(ServerUnreachable, match="its host is unknown") as raised:
            pool.getconn()

        assert "hunter2" not in str(raised.value)

    def test_is_not_a_resolver_that_does_not_answer(self, names: Callable[[int], None]) -> None:
        names(socket.EAI_AGAIN)

        error = failure_of("host=hunter2")

        assert refusal_of(error) is None
        assert as_text(error) == "the name of its host cannot be looked up now"

    def test_is_not_a_port_where_nobody_listens(self) -> None:
        assert refusal_of(failure_of("host=127.0.0.1 port=9")) is None

    def test_is_a_parameter_that_cannot_be_read_and_does_not_quote_it(self, make_pool: MakePool) -> None:
        pool = make_pool(conninfo="postgres hunter2", fail_fast=True)

        with pytest.raises(ServerRefused, match="its parameters cannot be read") as raised:
            pool.getconn()

        assert "hunter2" not in str(raised.value)

    def test_is_not_what_the_pools_own_callback_raised(self, make_pool: MakePool) -> None:
        """It may ask something that answers a little later."""

        def configure(_: object) -> None:
            raise RuntimeError("not yet")

        pool = make_pool(configure=configure, fail_fast=True, timeout=0.3)

        with pytest.raises(ServerUnreachable, match="not yet") as raised:
            pool.getconn()

        assert not isinstance(raised.value, ServerRefused)

    def test_leaves_the_messages_of_an_open_connection_as_they_are(self, postgres: EmbeddedPostgres) -> None:
        with PooledConnection.connect(postgres.url()) as open_one, pytest.raises(psycopg.Error) as raised:
            open_one.execute("SELECT no_such_column")

        assert "LOCATION" not in str(raised.value)


class TestACommand:
    def test_ends_at_once(self, make_pool: MakePool) -> None:
        with RefusingServer("28P01", "password authentication failed") as server:
            pool = make_pool(conninfo=server.conninfo(), fail_fast=True, timeout=20)
            started = monotonic()

            with pytest.raises(
                ServerRefused, match=r"corrects this: password authentication failed .SQLSTATE 28P01"
            ):
                pool.getconn()

            assert monotonic() - started < 5
            assert server.attempts == 1

    def test_does_not_log_in_again_for_its_next_borrower(self, make_pool: MakePool) -> None:
        with RefusingServer("28P01", "no") as server:
            pool = make_pool(conninfo=server.conninfo(), fail_fast=True, timeout=20)

            for _ in range(5):
                with pytest.raises(ServerRefused):
                    pool.getconn()

            assert server.attempts == 1

    def test_tells_everybody_who_waits(self, make_pool: MakePool) -> None:
        with RefusingServer("3D000", "no") as server:
            pool = make_pool(min_size=2, max_size=4, conninfo=server.conninfo(), fail_fast=True, timeout=20)

            crowd = Crowd(10, lambda _: pool.getconn()).run(timeout=15)

            assert {type(each) for each in crowd.errors} == {ServerRefused}
            assert len(crowd.errors) == 10

    def test_waits_out_an_outage(self, make_pool: MakePool) -> None:
        pool = make_pool(conninfo="host=127.0.0.1 port=9 user=gate", fail_fast=True, timeout=0.3)

        with pytest.raises(ServerUnreachable) as raised:
            pool.getconn()

        assert not isinstance(raised.value, ServerRefused)

    def test_lends_the_connections_that_it_has(self, make_pool: MakePool, postgres: EmbeddedPostgres) -> None:
        addresses = [postgres.url()]
        pool = make_pool(conninfo=lambda: addresses[-1], fail_fast=True, timeout=5)
        with held(pool):
            addresses.append(postgres.url("no_such"))
        with pool.connection() as borrowed:
            assert borrowed.execute("SELECT 1").fetchone() == (1,)


class TestAService:
    @pytest.fixture
    def delays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Seconds become fiftieths."""
        monkeypatch.setattr(growth, "FIRST_RETRY_AFTER_REFUSAL_SECONDS", 0.02)
        monkeypatch.setattr(growth, "SLOWEST_RETRY_AFTER_REFUSAL_SECONDS", 0.3)

    def test_goes_on_trying_more_slowly(self, make_pool: MakePool) -> None:
        with RefusingServer("28P01", "no") as server:
            pool = make_pool(conninfo=server.conninfo(), timeout=2.5)

            with pytest.raises(ServerRefused, match=r"no .SQLSTATE 28P01"):
                pool.getconn()

            assert 2 <= server.attempts <= 3

    def test_asks_one_login_at_a_time(self, make_pool: MakePool, delays: None) -> None:
        with RefusingServer("28P01", "no") as server:
            pool = make_pool(min_size=4, max_size=15, conninfo=server.conninfo(), timeout=1.0)

            crowd = Crowd(20, lambda _: pool.getconn()).run()

            assert len(crowd.errors) == 20
            assert server.attempts < 10

    def test_is_served_once_the_password_is_right(
        self, make_pool: MakePool, postgres: EmbeddedPostgres, delays: None
    ) -> None:
        with RefusingServer("28P01", "no") as server:
            addresses = [server.conninfo()]
            pool = make_pool(conninfo=lambda: addresses[-1], timeout=10)

            def rotate() -> None:
                eventually(lambda: server.attempts >= 2)
                addresses.append(postgres.url())

            rotation = when_waiting(pool, 1, rotate)
            with pool.connection() as borrowed:
                assert borrowed.execute("SELECT 1").fetchone() == (1,)
            rotation.join()

    def test_logs_it_once_and_then_counts(
        self, make_pool: MakePool, delays: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        with RefusingServer("28P01", "no") as server, caplog.at_level(logging.INFO, "core.pool.pool"):
            pool = make_pool(conninfo=server.conninfo(), timeout=3.0)
            with pytest.raises(ServerRefused):
                pool.getconn()

        lines = [record.message for record in caplog.records]
        assert lines[0].endswith("is refused: no (SQLSTATE 28P01); it tries again, more and more slowly")
        assert lines[1].endswith("is still refused, 2 attempts: no (SQLSTATE 28P01)")
        assert len(lines) <= 5

    def test_an_outage_is_logged_once_and_then_counted_too(
        self, make_pool: MakePool, postgres: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
    ) -> None:
        addresses = ["host=127.0.0.1 port=9 user=gate"]
        pool = make_pool(conninfo=lambda: addresses[-1], timeout=1.5)
        with caplog.at_level(logging.INFO, "core.pool.pool"):
            with pytest.raises(ServerUnreachable):
                pool.getconn()
            addresses.append(postgres.url())
            with pool.connection():
                pass

        lines = [record.message for record in caplog.records]
        assert "cannot connect: connection failed" in lines[0]
        assert "is still without connection, 2 attempts" in lines[1]
        assert "connects again, after" in lines[-1]
        assert len(lines) <= 6


@pytest.mark.real_pool
def test_a_refusal_is_unreachable_to_a_stranger(
    django_pool: SharedPool, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(django_pool, "kwargs", {"host": str(postgres.socket_dir), "dbname": "no_such"})
        patch.setattr(django_pool, "fail_fast", True)
        with pytest.raises(Exception, match="corrects this") as raised:
            connection.ensure_connection()

    assert db.unavailable_reason(raised.value) == "unreachable"
