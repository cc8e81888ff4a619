"""The backend is a drop-in for Django's own, with and without its pool (contract line B1 on replacing it)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper as DjangosWrapper

from core import db
from core.backend.base import DatabaseWrapper
from core.pool import SharedPool
from core.tests.backend.wrappers import MakeWrapper, select
from core.tests.fixtures import held


class TestWithoutAPool:
    def test_it_opens_a_connection_of_its_own(self, make_wrapper: MakeWrapper) -> None:
        wrapper = make_wrapper()

        assert select(wrapper, "1") == 1
        assert wrapper.pool is None
        raw = wrapper.connection
        wrapper.close()
        assert raw.closed

    def test_it_uses_djangos_connection_parameters(self, make_wrapper: MakeWrapper) -> None:
        ours, djangos = make_wrapper(), make_wrapper(engine="django.db.backends.postgresql")

        assert ours.get_connection_params().keys() == djangos.get_connection_params().keys()


class TestDjangosOwnPoolOptions:
    @pytest.mark.parametrize("pool", [True, {"min_size": 1, "max_size": 2, "timeout": 3, "max_idle": 60}])
    def test_they_work_here_too(self, make_wrapper: MakeWrapper, pool: Any) -> None:
        wrapper = make_wrapper(pool=pool)

        assert select(wrapper, "1") == 1
        assert isinstance(wrapper.pool, SharedPool)
        assert wrapper.pool.stats().max == (4 if pool is True else 2)

    def test_they_fill_the_pool_as_djangos_does(self, make_wrapper: MakeWrapper) -> None:
        wrapper = make_wrapper(pool={"min_size": 2, "max_size": 3})
        wrapper.pool.open(wait=True)

        assert wrapper.pool.stats().checked_in == 2

    def test_persistent_connections_are_refused_as_djangos_does(self, make_wrapper: MakeWrapper) -> None:
        wrapper = make_wrapper(pool=True, CONN_MAX_AGE=10)

        with pytest.raises(ImproperlyConfigured, match=r"^Pooling doesn't support persistent connections\."):
            select(wrapper, "1")

    def test_health_checks_replace_dead_connections(
        self, make_wrapper: MakeWrapper, kill: Callable[[int], None]
    ) -> None:
        wrapper = make_wrapper(pool={"min_size": 1, "max_size": 1}, CONN_HEALTH_CHECKS=True)
        pid = select(wrapper, "pg_backend_pid()")
        wrapper.close()
        kill(pid)

        assert select(wrapper, "pg_backend_pid()") != pid

    def test_an_isolation_level_holds_for_every_borrower(self, make_wrapper: MakeWrapper) -> None:
        wrapper = make_wrapper(pool={"min_size": 1, "max_size": 1}, isolation_level=3)

        for _ in range(2):
            wrapper.set_autocommit(False)
            assert select(wrapper, "current_setting('transaction_isolation')") == "repeatable read"
            wrapper.rollback()
            wrapper.set_autocommit(True)
            wrapper.close()

    def test_an_isolation_level_that_does_not_exist_is_refused_as_djangos_does(
        self, make_wrapper: MakeWrapper
    ) -> None:
        wrapper = make_wrapper(pool=True, isolation_level=9)

        with pytest.raises(ImproperlyConfigured, match="Invalid transaction isolation level 9"):
            select(wrapper, "1")

    def test_a_role_is_assumed_on_every_connection(self, make_wrapper: MakeWrapper, outside: Any) -> None:
        outside.execute("DROP ROLE IF EXISTS scanner")
        outside.execute("CREATE ROLE scanner")
        wrapper = make_wrapper(pool=True, assume_role="scanner")

        assert select(wrapper, "current_user") == "scanner"

    def test_an_alias_has_a_pool_of_its_own(self, make_wrapper: MakeWrapper) -> None:
        first, second = make_wrapper(pool=True, alias="first"), make_wrapper(pool=True, alias="second")

        assert first.pool is not second.pool


class TestAReplacedPool:
    def test_it_shares_the_bound_with_the_one_it_replaces(self, make_wrapper: MakeWrapper) -> None:
        wrapper = make_wrapper(pool={"min_size": 1, "max_size": 1, "timeout": 0.5})
        pid = select(wrapper, "pg_backend_pid()")
        held = wrapper.connection
        wrapper.connection = None
        wrapper.close_pool()

        with pytest.raises(OperationalError):
            select(wrapper, "1")
        held.close()

        assert select(wrapper, "pg_backend_pid()") != pid


class TestAWrapper:
    def test_is_djangos_own_but_for_what_this_project_changes(self) -> None:
        changed = set(vars(DatabaseWrapper)) & set(vars(DjangosWrapper))

        assert changed <= {
            "__module__", "__doc__", "_connection_pools", "pool", "create_cursor", "_close",
            "_configure_role", "_set_autocommit", "get_new_connection", "set_autocommit",
            "get_autocommit", "_cursor", "make_cursor", "make_debug_cursor",
            "__firstlineno__", "__static_attributes__",
        }  # fmt: skip

    def test_a_full_pool_is_djangos_operational_error(
        self, django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(django_pool, "timeout", 0.05)

        full = pytest.raises(OperationalError, match="15/15 in use, 0 idle, 1 waiting")
        with held(django_pool), full as error:
            connection.ensure_connection()

        assert db.is_unavailable(error.value)

    def test_the_server_sees_the_processs_name(self, django_pool: SharedPool) -> None:
        assert str(select(connection, "current_setting('application_name')")).startswith("turnstile:")
