"""`manage.py serve` does not begin where it could not keep its promise (G8)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from django.conf import settings
from django.core.management import CommandError
from django.db import connection
from django.test import override_settings

from config import start
from config.tests.service import free_port
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.tests.fixtures import eventually

START_SECONDS = 60.0


@pytest.fixture
def told() -> list[str]:
    """What was told while the service goes on."""
    return []


@pytest.fixture
def pool_variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The variables of the pool's size, which are as they were after the test."""
    monkeypatch.setenv("POOL_SIZE", "5")
    monkeypatch.setenv("POOL_MAX_OVERFLOW", "10")
    return monkeypatch


@pytest.mark.django_db
class TestWrongSettings:
    def test_are_none_where_all_is_right(self, told: list[str]) -> None:
        start.refuse_wrong_settings(told.append)

        assert told == []

    def test_are_two_keys_that_are_the_same(self, told: list[str]) -> None:
        with (
            override_settings(SERVICE_API_KEY=settings.SECRET_KEY),
            pytest.raises(CommandError, match="are the same: make a key of its own") as refused,
        ):
            start.refuse_wrong_settings(told.append)

        assert refused.value.returncode == 2

    @override_settings(WEB_WORKERS=7)
    def test_are_pools_larger_than_the_server(self, told: list[str]) -> None:
        with pytest.raises(CommandError, match=r"7 x 15 \+ 1 = 106 of 97 .*: 9 too many: use ") as refused:
            start.refuse_wrong_settings(told.append)

        assert refused.value.returncode == 2
        assert told == []

    def test_are_told_together(self, told: list[str]) -> None:
        with (
            override_settings(WEB_WORKERS=7, SERVICE_API_KEY=settings.SECRET_KEY),
            pytest.raises(CommandError) as refused,
        ):
            start.refuse_wrong_settings(told.append)

        assert len(str(refused.value).splitlines()) == 2


@pytest.mark.django_db
class TestPoolsLargerThanTheServer:
    @override_settings(WEB_WORKERS=7, POOL_ENFORCE_BUDGET="shrink")
    def test_are_lowered_for_the_workers_when_asked_to(
        self, told: list[str], pool_variables: pytest.MonkeyPatch
    ) -> None:
        start.refuse_wrong_settings(told.append)

        assert (os.environ["POOL_SIZE"], os.environ["POOL_MAX_OVERFLOW"]) == ("5", "8")
        assert "7 x 15 + 1 = 106 of 97" in told[0]
        assert "each worker takes POOL_SIZE=5 and POOL_MAX_OVERFLOW=8 instead" in told[0]

    @override_settings(WEB_WORKERS=48, POOL_ENFORCE_BUDGET="shrink")
    def test_are_lowered_below_their_size_where_it_takes_that(
        self, told: list[str], pool_variables: pytest.MonkeyPatch
    ) -> None:
        start.refuse_wrong_settings(told.append)

        assert (os.environ["POOL_SIZE"], os.environ["POOL_MAX_OVERFLOW"]) == ("2", "0")

    @override_settings(WEB_WORKERS=97, POOL_ENFORCE_BUDGET="shrink")
    def test_are_refused_where_not_even_one_connection_each_is_left(self, told: list[str]) -> None:
        with pytest.raises(CommandError, match="too many"):
            start.refuse_wrong_settings(told.append)

    @override_settings(WEB_WORKERS=7, POOL_ENFORCE_BUDGET="off")
    def test_are_served_where_somebody_else_bounds_them(
        self, told: list[str], pool_variables: pytest.MonkeyPatch
    ) -> None:
        start.refuse_wrong_settings(told.append)

        assert "9 too many" in told[0]
        assert os.environ["POOL_MAX_OVERFLOW"] == "10"


@pytest.mark.django_db
class TestMigrations:
    def test_a_migrated_database_is_accepted(self) -> None:
        start.refuse_pending_migrations()


@pytest.fixture
def shrunken(
    django_pool: SharedPool, postgres: EmbeddedPostgres
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service whose pool would be larger than the server: its URL and its process."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", f"--port={port}"],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": postgres.url(connection.settings_dict["NAME"]),
            "POOL_SIZE": "400",
            "POOL_ENFORCE_BUDGET": "shrink",
            "WEB_WORKERS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield f"http://127.0.0.1:{port}", process
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.real_pool
class TestAWorker:
    def test_opens_no_more_than_the_bound_that_was_lowered(
        self, shrunken: tuple[str, "subprocess.Popen[str]"]
    ) -> None:
        url, process = shrunken

        pool = eventually(lambda: pool_of(url), timeout=START_SECONDS)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=START_SECONDS)

        assert pool["max"] == 96
        assert "each worker takes POOL_SIZE=96 and POOL_MAX_OVERFLOW=0 instead" in output
        assert process.returncode == 0


def pool_of(url: str) -> dict[str, int] | None:
    """Return the pool's numbers, once the service answers."""
    try:
        numbers: dict[str, int] = httpx.get(f"{url}/health/db", timeout=5).json()["pool"]
    except httpx.TransportError:
        return None
    return numbers
