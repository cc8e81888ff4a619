"""The DATABASES entry, as the environment describes it."""

import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import database
from core.backend import application_name


class TestWhoEndsAtOnce:
    """A command that the database refuses ends; a service goes on trying (contract line R12)."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ["manage.py", "migrate"],
            ["./manage.py", "etl", "run"],
            ["/usr/bin/django-admin", "shell"],
            ["/lib/django/__main__.py", "migrate"],
        ],
    )
    def test_a_command(self, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
        # Another test may have loaded it, as a server's worker does.
        for module in application_name.SERVED:
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setattr(sys, "argv", arguments)

        assert database.pool_options()["fail_fast"] is True

    @pytest.mark.parametrize(
        "arguments",
        [
            ["manage.py", "report_worker"],
            ["manage.py", "runserver"],
            ["/bin/gunicorn", "config.wsgi"],
            ["/lib/celery/__main__.py", "worker"],
            [""],
        ],
    )
    def test_not_a_service(self, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
        monkeypatch.setattr(sys, "argv", arguments)

        assert database.pool_options()["fail_fast"] is False

    @pytest.mark.parametrize("module", sorted(application_name.SERVED))
    def test_not_a_worker_of_the_server(self, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
        """Which is a child of `manage.py serve`, and has its arguments."""
        monkeypatch.setattr(sys, "argv", ["manage.py", "serve"])
        monkeypatch.setitem(sys.modules, module, sys)

        assert database.pool_options()["fail_fast"] is False


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment without the variables that the tests set."""
    for name in ("DATABASE_CONNECT_TIMEOUT", "DATABASE_PASSWORD_FILE", "DATABASE_PASSWORD_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgres://gate@db/turnstile")
    return monkeypatch


class TestTheEntry:
    """What the URL says is not overwritten (contract line M1)."""

    def test_has_the_default_time_to_connect(self, environment: pytest.MonkeyPatch) -> None:
        assert database.database_entry()["OPTIONS"]["connect_timeout"] == 5

    def test_has_the_urls_time_to_connect(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("DATABASE_URL", "postgres://gate@db/turnstile?connect_timeout=2")

        assert database.database_entry()["OPTIONS"]["connect_timeout"] == 2

    def test_has_no_two_times_to_connect(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("DATABASE_URL", "postgres://gate@db/turnstile?connect_timeout=2")
        environment.setenv("DATABASE_CONNECT_TIMEOUT", "3")

        with pytest.raises(ImproperlyConfigured, match=r"DATABASE_CONNECT_TIMEOUT=3 contradicts connect_tim"):
            database.database_entry()

    def test_has_djangos_keys(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv(
            "DATABASE_URL", "postgres://gate@db/turnstile?ATOMIC_REQUESTS=false&CONN_HEALTH_CHECKS=true"
        )

        entry = database.database_entry()

        assert (entry["ATOMIC_REQUESTS"], entry["CONN_HEALTH_CHECKS"], entry["CONN_MAX_AGE"]) == (
            False,
            True,
            0,
        )


class TestThePassword:
    """One that changes is read when a connection is opened (contract line M1)."""

    def test_of_a_file(self, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("monday\n")
        environment.setenv("DATABASE_PASSWORD_FILE", str(tmp_path / "password"))

        assert str(database.database_entry()["PASSWORD"]) == "monday"

    def test_of_a_command(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("DATABASE_PASSWORD_COMMAND", "printf 'tues day'")

        assert str(database.database_entry()["PASSWORD"]) == "tues day"

    def test_of_the_url(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("DATABASE_URL", "postgres://gate:monday@db/turnstile")

        assert database.database_entry()["PASSWORD"] == "monday"

    def test_is_given_once(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("DATABASE_URL", "postgres://gate:hunter2@db/turnstile")
        environment.setenv("DATABASE_PASSWORD_FILE", "password")

        with pytest.raises(ImproperlyConfigured, match="given twice") as refused:
            database.database_entry()

        assert "hunter2" not in str(refused.value)

    def test_command_with_an_open_quote_is_refused_and_not_shown(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("DATABASE_PASSWORD_COMMAND", "show 'hunter2")

        with pytest.raises(ImproperlyConfigured, match="quote that is not closed") as refused:
            database.database_entry()

        assert "hunter2" not in str(refused.value)
