"""The DATABASES entry, as the environment describes it."""

import sys

import pytest

from config import database


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

    def test_not_a_worker_of_the_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Which is a child of `manage.py serve`, and has its arguments."""
        monkeypatch.setattr(sys, "argv", ["manage.py", "serve"])
        monkeypatch.setitem(sys.modules, "config.wsgi", sys)

        assert database.pool_options()["fail_fast"] is False
