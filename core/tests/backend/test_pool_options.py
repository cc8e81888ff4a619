"""OPTIONS["pool"] takes every option of psycopg_pool, or refuses it by name (contract line M2)."""

import inspect
import itertools
import logging
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from psycopg_pool import ConnectionPool

from core.pool import SharedPool
from core.pool.connection import PooledConnection
from core.tests.backend.wrappers import MakeWrapper, select
from core.tests.fixtures import eventually


class GateConnection(PooledConnection):
    """A class of the project's own."""


def pool_of(wrapper: Any) -> SharedPool:
    """Return the wrapper's pool after its first use."""
    wrapper.ensure_connection()
    wrapper.close()
    pool = wrapper.pool
    assert isinstance(pool, SharedPool)
    return pool


ACCEPTED: dict[str, Any] = {
    "conninfo": "keepalives_idle=17",
    "kwargs": {"keepalives_idle": 17},
    "connection_class": GateConnection,
    "configure": lambda _: None,
    "check": SharedPool.check_connection,
    "reset": lambda _: None,
    "close_returns": False,
    "min_size": 1,
    "max_size": 5,
    "name": "gates",
    "timeout": 3.0,
    "max_waiting": 7,
    "max_lifetime": 60.0,
    "max_idle": 9.0,
    "reconnect_timeout": 2.0,
    "reconnect_failed": lambda _: None,
    "num_workers": 2,
}
REFUSED = {"open"}


class TestEveryOptionOfPsycopgPool:
    def test_is_accepted_or_refused(self) -> None:
        assert ACCEPTED.keys() | REFUSED == set(inspect.signature(ConnectionPool).parameters)

    @pytest.mark.parametrize("name", ACCEPTED)
    def test_is_accepted(self, make_wrapper: MakeWrapper, name: str) -> None:
        assert select(make_wrapper(pool={name: ACCEPTED[name]}), "1") == 1

    @pytest.mark.parametrize("value", [True, False, None])
    def test_open_is_refused_with_the_reason(self, make_wrapper: MakeWrapper, value: Any) -> None:
        wrapper = make_wrapper(pool={"open": value})

        with pytest.raises(ImproperlyConfigured, match=r'"pool".*: open .* opens its pool'):
            select(wrapper, "1")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"min_sise": 1}, "min_sise"),
            (
                {"connection_class": psycopg.Connection},
                "connection_class must be a subclass of PooledConnection",
            ),
            ({"min_size": 3, "max_size": 2}, "max_size must be greater"),
            ({"num_workers": 0}, "num_workers must be at least 1"),
        ],
    )
    def test_that_cannot_be_is_refused_when_the_pool_is_made(
        self, make_wrapper: MakeWrapper, options: dict[str, Any], message: str
    ) -> None:
        wrapper = make_wrapper(pool=options, alias="gates")

        with pytest.raises(ImproperlyConfigured, match=message) as error:
            _ = wrapper.pool

        assert 'DATABASES["gates"]' in str(error.value)


class TestConfigure:
    def test_is_called_after_djangos_own(self, make_wrapper: MakeWrapper) -> None:
        zones: list[Any] = []

        def configure(connection: psycopg.Connection[Any]) -> None:
            zones.append(connection.info.parameter_status("TimeZone"))
            connection.execute("SET application_name = 'configured'")

        wrapper = make_wrapper(pool={"configure": configure, "min_size": 1}, TIME_ZONE="Asia/Tokyo")

        assert select(wrapper, "current_setting('application_name')") == "configured"
        assert zones == ["Asia/Tokyo"]

    def test_that_leaves_a_transaction_open_is_named(self, make_wrapper: MakeWrapper) -> None:
        def begin(connection: psycopg.Connection[Any]) -> None:
            connection.autocommit = False
            connection.execute("SELECT 1")

        wrapper = make_wrapper(pool={"configure": begin, "timeout": 0.1, "min_size": 1})

        with pytest.raises(Exception, match=r"left in status INTRANS by configure function .*begin"):
            select(wrapper, "1")


class TestCheck:
    def test_replaces_the_one_of_conn_health_checks(self, make_wrapper: MakeWrapper) -> None:
        checked: list[Any] = []
        wrapper = make_wrapper(pool={"check": checked.append, "min_size": 1}, CONN_HEALTH_CHECKS=True)

        select(wrapper, "1")

        assert checked == [wrapper.connection]

    def test_none_switches_it_off(self, make_wrapper: MakeWrapper) -> None:
        wrapper = make_wrapper(pool={"check": None, "min_size": 1}, CONN_HEALTH_CHECKS=True)

        assert pool_of(wrapper)._check is None


class TestKwargs:
    def test_add_to_the_entry_and_win(self, make_wrapper: MakeWrapper) -> None:
        wrapper = make_wrapper(
            pool={"kwargs": {"application_name": "gates"}, "min_size": 1}, application_name="entry"
        )

        assert select(wrapper, "current_setting('application_name')") == "gates"
        assert wrapper.connection.autocommit

    def test_may_be_a_callable_that_is_asked_at_each_connect(self, make_wrapper: MakeWrapper) -> None:
        numbers = itertools.count(1)
        wrapper = make_wrapper(
            pool={
                "kwargs": lambda: {"application_name": f"gate-{next(numbers)}"},
                "min_size": 1,
                "lazy": True,
            }
        )
        name = "current_setting('application_name')"

        first = select(wrapper, name)
        wrapper.close()
        wrapper.pool.drain()

        assert (first, select(wrapper, name)) == ("gate-1", "gate-2")


class TestReset:
    def test_is_called_when_django_returns_a_connection(self, make_wrapper: MakeWrapper) -> None:
        def reset(connection: psycopg.Connection[Any]) -> None:
            connection.execute("RESET search_path")

        wrapper = make_wrapper(pool={"reset": reset, "min_size": 1, "max_size": 1})
        select(wrapper, "set_config('search_path', 'pg_catalog', false)")
        pid = select(wrapper, "pg_backend_pid()")
        wrapper.close()

        assert select(wrapper, "current_setting('search_path')") != "pg_catalog"
        assert select(wrapper, "pg_backend_pid()") == pid


class TestReconnectFailed:
    def test_is_called_with_the_pool(
        self, make_wrapper: MakeWrapper, caplog: pytest.LogCaptureFixture
    ) -> None:
        failed: list[Any] = []
        wrapper = make_wrapper(
            pool={"reconnect_failed": failed.append, "reconnect_timeout": 0.1, "timeout": 0.4, "min_size": 1},
            HOST="/nonexistent",
        )

        with caplog.at_level(logging.CRITICAL), pytest.raises(Exception, match="has not answered"):
            wrapper.ensure_connection()

        eventually(lambda: failed)
        assert set(failed) == {wrapper.pool}


class TestCloseReturns:
    def test_false_lets_django_return_connections_and_end_those_it_closes(
        self, make_wrapper: MakeWrapper
    ) -> None:
        wrapper = make_wrapper(pool={"close_returns": False, "min_size": 1, "lazy": True})
        pid = select(wrapper, "pg_backend_pid()")
        wrapper.close()
        assert select(wrapper, "pg_backend_pid()") == pid

        wrapper.connection.close()

        assert wrapper.pool.stats().open == 0
        wrapper.close()
        assert select(wrapper, "pg_backend_pid()") != pid
