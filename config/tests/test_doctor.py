"""`manage.py doctor` and the system checks tell what is wrong with a deployment."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import override_settings

from config import checks, findings

CLASSES = (
    "class health: up to 15 of 15 connections, wait 5 s; lock_timeout 2 s, statement_timeout 5 s",
    "class gate: up to 15 of 15 connections, wait 2 s; lock_timeout 2 s, statement_timeout 5 s",
    "class staff: up to 15 of 15 connections, wait 5 s; lock_timeout 5 s, statement_timeout 30 s",
    "class batch: up to",
)


def doctors_words() -> str:
    output = io.StringIO()
    call_command("doctor", stdout=output, no_color=True)
    return output.getvalue()


@contextmanager
def pool_settings(threads: int = 32, connect_timeout: int = 5, **pool: Any) -> Iterator[None]:
    """Settings with another pool; the process's own pool stays as it is."""
    databases = deepcopy(settings.DATABASES)
    databases["default"]["OPTIONS"]["connect_timeout"] = connect_timeout
    databases["default"]["OPTIONS"]["pool"] |= pool
    with override_settings(WEB_THREADS=threads):
        settings.DATABASES, before = databases, settings.DATABASES
        try:
            yield
        finally:
            settings.DATABASES = before


class TestPoolSettings:
    def test_the_defaults_are_in_order(self) -> None:
        with pool_settings(max_size=15, max_waiting=0, timeout=30.0):
            assert checks.check_pool_settings() == []

    @pytest.mark.parametrize(
        ("contradiction", "expected", "hint"),
        [
            ({"max_size": 15, "threads": 12}, "config.W001", "POOL_SIZE=5 and POOL_MAX_OVERFLOW=7"),
            (
                {"min_size": 400, "max_size": 410, "threads": 32},
                "config.W001",
                "POOL_SIZE=32 and POOL_MAX_OVERFLOW=0",
            ),
            ({"max_size": 15, "threads": 32, "max_waiting": 10}, "config.W002", "POOL_MAX_WAITING=17"),
            ({"max_size": 15, "timeout": 5.0, "connect_timeout": 5}, "config.W003", "few seconds"),
        ],
    )
    def test_a_contradiction_is_a_warning_with_its_cure(
        self, contradiction: dict[str, Any], expected: str, hint: str
    ) -> None:
        with pool_settings(**{"timeout": 30.0, **contradiction}):
            [warning] = checks.check_pool_settings()

        assert warning.id == expected
        assert hint in str(warning.hint)

    def test_a_contradiction_is_shown_once(self) -> None:
        with pool_settings(timeout=5.0, connect_timeout=5):
            shown = [message.id for message in run_checks() if not message.is_silenced()]

        assert shown == ["config.W003"]


@pytest.mark.django_db
class TestDoctor:
    def test_asks_every_question_once(self) -> None:
        with pool_settings(timeout=30.0):
            answers = doctors_words().splitlines()

        for answer, text in zip(
            answers,
            ("keys", "pool of 5", *CLASSES, "SELECT 1 took", "PostgreSQL", "connections:", "migrations"),
            strict=True,
        ):
            assert text in answer
            assert answer.startswith("ok")

    def test_refuses_a_budget_above_the_servers_limit(self) -> None:
        with override_settings(WEB_WORKERS=7), pytest.raises(CommandError, match="1 checks failed"):
            call_command("doctor", stdout=(output := io.StringIO()), no_color=True)

        assert "7 x 15 + 1 = 106 of 97" in output.getvalue()
        assert "9 too many" in output.getvalue()

    def test_says_what_would_fit(self) -> None:
        with override_settings(WEB_WORKERS=7), pytest.raises(CommandError):
            call_command("doctor", stdout=(output := io.StringIO()), no_color=True)

        for cure in ("WEB_WORKERS=6,", "POOL_SIZE=5 and POOL_MAX_OVERFLOW=8,", "max_connections=109 of"):
            assert cure in output.getvalue()

    def test_says_only_what_can_be(self) -> None:
        with pool_settings(min_size=400, max_size=410), override_settings(WEB_WORKERS=97):
            cure = findings.budget(findings.needed()).cure

        assert cure.endswith("too many: use max_connections=39774 of the server")

    def test_tells_of_a_variable_that_no_setting_is_called(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POOL_SZIE", "hunter2")

        words = doctors_words()

        assert "warn  POOL_SZIE is set, but no setting has this name." in words
        assert "Did you mean POOL_SIZE?" in words
        assert "hunter2" not in words

    def test_refuses_two_keys_that_are_the_same(self) -> None:
        with override_settings(SERVICE_API_KEY=settings.SECRET_KEY):
            finding = findings.keys()

        assert finding.verdict == "fail"
        assert settings.SECRET_KEY not in finding.text
