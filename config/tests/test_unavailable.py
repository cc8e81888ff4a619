"""Over HTTP: a database that cannot serve now is a 503 with a reason, and logged (contract line R11)."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, cast

import psycopg
import pytest
import sqlalchemy as sa
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from analytics import queries
from core import db
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool

pytestmark = pytest.mark.real_pool

SECRET = "TKT-of-somebody"


@pytest.fixture
def device() -> Client:
    """A scanner; what fails in a view is answered, as in production."""
    return Client(headers={"x-service-key": settings.SERVICE_API_KEY}, raise_request_exception=False)


@pytest.fixture
def staff(django_pool: SharedPool) -> Client:
    """A superuser's browser."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("ada"))
    return client


@pytest.fixture
def lock(
    django_pool: SharedPool, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Locks a table in a session that stays; the service waits 100 ms for a lock."""
    parameters = cast("dict[str, Any]", django_pool.kwargs)
    monkeypatch.setattr(django_pool, "kwargs", {**parameters, "options": "-c lock_timeout=100"})
    with psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as locker:

        def lock_table(name: str) -> None:
            locker.execute(f"LOCK TABLE {name}")
            connection.close()
            django_pool.drain()

        yield lock_table
        locker.rollback()
    connection.close()
    django_pool.drain()


@pytest.fixture
def fail_with(django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets /stats fail with a SQLSTATE that Postgres really says, in a statement with a parameter."""

    def arrange(sqlstate: str) -> None:
        def fail(**_: Any) -> None:
            with db.get_engine().begin() as engine_connection:
                engine_connection.execute(
                    sa.text(
                        "CREATE FUNCTION pg_temp.fail(who text) RETURNS void LANGUAGE plpgsql AS "
                        f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$"
                    )
                )
                engine_connection.execute(sa.text("SELECT pg_temp.fail(:who)"), {"who": SECRET})

        monkeypatch.setattr(queries, "event_totals", fail)

    return arrange


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what the service logged as an error, as it is written, tracebacks included."""
    formatter = logging.Formatter()
    return lambda: [formatter.format(each) for each in caplog.records if each.levelno >= logging.ERROR]


class TestALockThatIsNotFree:
    def test_is_busy_for_the_api(
        self, device: Client, lock: Callable[[str], None], logged: Callable[[], list[str]]
    ) -> None:
        lock("analytics_stats")

        answer = device.get("/stats")

        assert answer.status_code == 503
        assert answer.json() == {"status": "error", "reason": "busy"}
        assert int(answer["Retry-After"]) > 0
        assert len(logged()) == 1
        for word in ("503 at GET /stats (api", "busy", "55P03", "sqlalchemy", "lock timeout"):
            assert word in logged()[0]

    def test_is_busy_for_the_admin(
        self, staff: Client, lock: Callable[[str], None], logged: Callable[[], list[str]]
    ) -> None:
        lock("gates")

        answer = staff.get("/admin/analytics/gate/")

        assert answer.json()["reason"] == "busy"
        assert len(logged()) == 1
        for word in ("admin:analytics_gate_changelist", "55P03", "borrower django"):
            assert word in logged()[0]

    def test_is_busy_where_no_view_is_to_blame(
        self, staff: Client, lock: Callable[[str], None], logged: Callable[[], list[str]], settings: Any
    ) -> None:
        settings.SESSION_SAVE_EVERY_REQUEST = True
        lock("django_session")

        answer = staff.get("/favicon.ico")

        assert answer.json()["reason"] == "busy"
        assert [line.count("\n") for line in logged()] == [0]


class TestAFaultOfTheDatabase:
    @pytest.mark.parametrize(
        ("sqlstate", "reason"),
        [
            ("57014", "timeout"),
            ("40P01", "conflict"),
            ("53100", "out_of_resources"),
            ("25006", "read_only"),
            ("57P01", "unreachable"),
        ],
    )
    def test_is_503_with_its_reason_and_logs_its_cause_without_parameters(
        self, device: Client, fail_with: Any, logged: Callable[[], list[str]], sqlstate: str, reason: str
    ) -> None:
        fail_with(sqlstate)

        answer = device.get("/stats")

        assert (answer.status_code, answer.json()["reason"]) == (503, reason)
        assert len(logged()) == 1
        assert sqlstate in logged()[0]
        assert SECRET not in logged()[0]

    def test_is_logged_for_a_monitor_too(
        self, client: Client, django_pool: SharedPool, logged: Callable[[], list[str]], monkeypatch: Any
    ) -> None:
        nobody_listens = {**cast("dict[str, Any]", django_pool.kwargs), "host": "127.0.0.1", "port": 9}

        with monkeypatch.context() as patch:
            patch.setattr(django_pool, "kwargs", nobody_listens)
            assert client.get("/ready").status_code == client.get("/health/db").status_code == 503

        assert ["/ready (ready)" in line for line in logged()] == [True, False]
        assert all("unreachable" in line and "borrower health" in line for line in logged())


class TestAMistakeOfOurs:
    @pytest.mark.parametrize("sqlstate", ["54000", "3B001", "22001", "25P02", "42P01"])
    def test_is_500_with_its_traceback(
        self, device: Client, fail_with: Any, logged: Callable[[], list[str]], sqlstate: str
    ) -> None:
        fail_with(sqlstate)

        answer = device.get("/stats")

        assert answer.status_code == 500
        assert "Traceback" in logged()[0]
