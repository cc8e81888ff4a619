"""The system checks of core ask for nothing but DATABASES, and bear with what is not given there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from core import checks

SLOW: dict[str, Any] = {"connect_timeout": 30}


@pytest.fixture
def databases(request: pytest.FixtureRequest) -> Iterator[None]:
    """The parameter as DATABASES, for what reads the settings; connections stay as they are."""
    settings.DATABASES, before = request.param, settings.DATABASES
    yield
    settings.DATABASES = before


def ours(**options: Any) -> dict[str, Any]:
    return {"ENGINE": "core.backend", "NAME": "shop", "OPTIONS": options}


class TestDatabases:
    @pytest.mark.parametrize(
        "databases",
        [
            {},
            {"default": {}},
            {"default": {"ENGINE": "core.backend", "NAME": "shop"}},
            {"default": ours()},
            {"default": ours(pool=True)},
            {"default": ours(pool={"min_size": 2, "max_size": 4})},
            {"default": ours(pool=False, **SLOW)},
            {"default": ours(pool=True, connect_timeout=29)},
            {"default": ours(pool=True, connect_timeout="30")},
            {"default": {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": True, **SLOW}}},
        ],
        indirect=True,
        ids=str,
    )
    def test_are_in_order_whatever_is_left_out(self, databases: None) -> None:
        assert checks.check_databases() == []

    @pytest.mark.parametrize(
        ("databases", "complaint"),
        [
            ({"default": ours(pool=True, **SLOW)}, "connect_timeout=30 is not below the pool's timeout=30"),
            ({"default": {}, "sales": ours(pool={"timeout": 2.5}, connect_timeout=5)}, 'DATABASES["sales"]'),
        ],
        indirect=["databases"],
        ids=["default", "sales"],
    )
    def test_a_connect_that_takes_a_callers_whole_wait_is_a_warning(
        self, databases: None, complaint: str
    ) -> None:
        [warning] = checks.check_databases()

        assert warning.id == "core.W003"
        assert complaint in str(warning.msg)
