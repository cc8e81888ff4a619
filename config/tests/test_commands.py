"""
A `manage.py` command that the database refuses ends at once, with one sentence (contract line R12).

One whose settings are wrong ends with a sentence for each.
"""

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


class TestWrongSettings:
    @pytest.mark.parametrize("command", [("serve",), ("doctor",), ("migrate",), ("etl", "run")])
    def test_are_told_all_at_once_with_a_sentence_for_each(self, command: tuple[str, ...]) -> None:
        ended = manage(
            *command,
            url="postgres://gate:hunter2@db.example/",
            POOL_SIZE="ten",
            WEB_WORKERS="0",
            SERVICE_API_KEY="hunter2",
            EMAIL_URL="smtp:/bad",
            POOL_ENFORCE_BUDGET="maybe",
            DATABASE_PASSWORD_COMMAND="show 'hunter2",
        )

        assert ended.returncode == 2
        assert ended.stdout == ""
        assert [line.split()[0] for line in ended.stderr.splitlines()] == [
            "SERVICE_API_KEY",
            "WEB_WORKERS='0'",
            "POOL_ENFORCE_BUDGET='maybe'",
            "DATABASE_URL",
            "POOL_SIZE='ten'",
            "DATABASE_PASSWORD_COMMAND",
            "EMAIL_URL",
        ]
        assert "hunter2" not in ended.stderr

    def test_are_told_with_a_traceback_when_one_is_asked_for(self, postgres: EmbeddedPostgres) -> None:
        ended = manage("migrate", "--traceback", url=postgres.url(), POOL_SIZE="ten")

        assert "Traceback" in ended.stderr

    def test_that_only_the_server_shows_stop_it_before_it_serves(self, postgres: EmbeddedPostgres) -> None:
        ended = manage(
            *("serve", "--port=0"), url=postgres.url(), POOL_SIZE="400", SERVICE_API_KEY="k" * 32,
            QR_SIGNING_KEY="k" * 32,
        )  # fmt: skip

        assert ended.returncode == 2
        assert "two of SECRET_KEY, QR_SIGNING_KEY, SERVICE_API_KEY are the same" in ended.stderr
        assert "2 x 410 + 1 = 821 of 97" in ended.stderr
        assert (
            "724 too many: use POOL_SIZE=48 and POOL_MAX_OVERFLOW=0, or max_connections=824" in ended.stderr
        )
        assert "Traceback" not in ended.stderr


class TestACommandThatIsMistaken:
    def test_keeps_its_traceback(self, postgres: EmbeddedPostgres) -> None:
        ended = manage("shell", "--command=1/0", url=postgres.url())

        assert ended.returncode == 1
        assert "ZeroDivisionError" in ended.stderr
        assert "Traceback" in ended.stderr
