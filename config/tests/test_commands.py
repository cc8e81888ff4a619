"""A `manage.py` command that the database refuses ends at once, with one sentence (contract line R12)."""

import os
import subprocess
import sys
from time import monotonic

import pytest
from django.conf import settings

from core.embedded import EmbeddedPostgres
from core.tests.refusing_server import RefusingServer

# Far below this POOL_TIMEOUT: on a busy machine a command takes half a minute to start.
POOL_TIMEOUT = "600"
SOON_SECONDS = 300.0


def manage(*arguments: str, url: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a person does, with another database."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": url, "POOL_TIMEOUT": POOL_TIMEOUT, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


class TestACommandThatIsRefused:
    @pytest.mark.parametrize(
        "command",
        [
            ("migrate",),
            ("etl", "status"),
            ("report_expire",),
            ("createsuperuser", "--noinput", "--username=a", "--email=a@b.c"),
        ],
    )
    def test_ends_at_once_with_one_sentence(self, command: tuple[str, ...]) -> None:
        with RefusingServer("28P01", 'password authentication failed for user "gate"') as server:
            started = monotonic()
            ended = manage(*command, url=server.url("hunter2"))

            assert monotonic() - started < SOON_SECONDS
            assert server.attempts == 1
        assert ended.returncode == 1
        assert "password authentication failed" in ended.stderr
        assert "SQLSTATE 28P01" in ended.stderr
        assert ended.stderr.count("\n") == 1
        assert "hunter2" not in ended.stdout + ended.stderr

    def test_ends_so_when_its_password_cannot_be_had(self, postgres: EmbeddedPostgres) -> None:
        ended = manage("migrate", url=postgres.url(), DATABASE_PASSWORD_COMMAND="false --token=hunter2")

        assert ended.returncode == 1
        assert "DATABASE_PASSWORD_COMMAND ended with exit code 1" in ended.stderr
        assert ended.stderr.count("\n") == 1
        assert "hunter2" not in ended.stderr

    def test_is_the_doctor_who_finds_it(self, postgres: EmbeddedPostgres) -> None:
        ended = manage("doctor", url=postgres.url("no_such"))

        assert ended.returncode == 1
        assert 'database "no_such" does not exist (SQLSTATE 3D000)' in ended.stdout

    def test_is_the_server_before_it_serves(self, postgres: EmbeddedPostgres) -> None:
        ended = manage("serve", "--port=0", url=postgres.url("no_such"))

        assert ended.returncode == 1
        assert "3D000" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_shows_its_traceback_when_it_is_asked_to(self, postgres: EmbeddedPostgres) -> None:
        ended = manage("migrate", "--traceback", url=postgres.url("no_such"))

        assert "Traceback" in ended.stderr


class TestACommandThatIsMistaken:
    def test_keeps_its_traceback(self, postgres: EmbeddedPostgres) -> None:
        ended = manage("shell", "--command=1/0", url=postgres.url())

        assert ended.returncode == 1
        assert "ZeroDivisionError" in ended.stderr
        assert "Traceback" in ended.stderr
