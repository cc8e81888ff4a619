"""Time limits behind PgBouncer in transaction mode, where a session is somebody else's next time (G2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from core.embedded import SUPERUSER, EmbeddedPostgres
from core.pgbouncer import PROGRAM, PgBouncer
from core.pool import SharedPool
from core.pool.classes import TIME_LIMITS, run_as
from core.tests.pool.test_callbacks import MakePool

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="needs PgBouncer (Debian: apt-get install pgbouncer)"),
]

CLASSES: dict[str, dict[str, Any]] = {
    "gate": {"time_limits": {"lock_timeout": 0.2, "statement_timeout": 5}},
    "staff": {"time_limits": {"lock_timeout": 0.3, "statement_timeout": 30}},
    "batch": {"time_limits": {"lock_timeout": 60}},
}
SHOW = "SELECT " + ", ".join(f"current_setting('{name}')" for name in TIME_LIMITS[:3])


@pytest.fixture
def bouncer(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The conninfo of a PgBouncer that has one connection for everybody."""
    with PgBouncer(postgres, size=1) as running:
        yield running.url()


@pytest.fixture
def pool(make_pool: MakePool, bouncer: str) -> SharedPool:
    return make_pool(
        conninfo=bouncer,
        min_size=1,
        max_size=3,
        classes=CLASSES,
        default_class="staff",
        keeps_session=False,
        kwargs={"prepare_threshold": None},
    )


@pytest.fixture
def locked(outside: psycopg.Connection[Any]) -> Iterator[str]:
    """A table that somebody has locked."""
    outside.execute("CREATE TABLE locked_here (a integer)")
    with outside.transaction():
        outside.execute("LOCK TABLE locked_here")
        yield "locked_here"
    outside.execute("DROP TABLE locked_here")


@contextmanager
def role_with(outside: psycopg.Connection[Any], name: str, value: str) -> Iterator[None]:
    """Let the role have a setting in sessions to come, and end those that the pooler has."""
    role, setting = sql.Identifier(SUPERUSER), sql.Identifier(name)
    outside.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(role, setting, value))
    outside.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND datname = current_database() AND backend_type = 'client backend' AND state = 'idle'"
    )
    try:
        yield
    finally:
        outside.execute(sql.SQL("ALTER ROLE {} RESET {}").format(role, setting))


def limits_in_a_transaction(pool: SharedPool, name: str) -> Any:
    borrowed = run_as(name, pool.lend, borrower="test")
    try:
        with borrowed.transaction():
            return borrowed.execute(SHOW).fetchone()
    finally:
        pool.putconn(borrowed)


class TestATransaction:
    def test_has_the_limits_of_its_class_on_the_session_that_all_share(self, pool: SharedPool) -> None:
        found = [limits_in_a_transaction(pool, name) for name in ("gate", "staff", "batch", "gate")]

        assert found == [
            ("200ms", "5s", "0"),
            ("300ms", "30s", "0"),
            ("1min", "0", "0"),
            ("200ms", "5s", "0"),
        ]

    def test_has_them_whatever_the_role_says(
        self, pool: SharedPool, outside: psycopg.Connection[Any]
    ) -> None:
        with role_with(outside, "statement_timeout", "7s"):
            assert limits_in_a_transaction(pool, "batch") == ("1min", "0", "0")

    @pytest.mark.parametrize("name", ["gate", "staff"])
    def test_is_ended_at_a_lock(self, pool: SharedPool, locked: str, name: str) -> None:
        borrowed = run_as(name, pool.lend, borrower="test")
        with pytest.raises(psycopg.errors.LockNotAvailable), borrowed.transaction():
            borrowed.execute(f"TABLE {locked}")
        pool.putconn(borrowed)


class TestASession:
    def test_gets_no_limits_that_the_next_client_would_meet(self, pool: SharedPool, bouncer: str) -> None:
        limits_in_a_transaction(pool, "gate")

        with psycopg.connect(bouncer, autocommit=True, prepare_threshold=None) as stranger:
            assert stranger.execute(SHOW).fetchone() == ("0", "0", "0")


class TestASingleStatement:
    def test_has_the_limits_of_its_role(
        self, pool: SharedPool, postgres: EmbeddedPostgres, locked: str
    ) -> None:
        with (
            psycopg.connect(postgres.url(), autocommit=True) as other,
            role_with(other, "lock_timeout", "250ms"),
        ):
            borrowed = pool.lend(borrower="test")
            borrowed.autocommit = True
            with pytest.raises(psycopg.errors.LockNotAvailable):
                borrowed.execute(f"TABLE {locked}")
            pool.putconn(borrowed)
