"""`manage.py dbshell` reaches the pool's own server (contract line M1)."""

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core import embedded
from core.backend.client import PsqlClient
from core.pool.passwords import PasswordOfFile

SETTINGS: dict[str, Any] = {
    "HOST": "one,two",
    "PORT": "5432,5433",
    "NAME": "turn stile",
    "USER": "gate",
    "PASSWORD": "hunter2",
    "OPTIONS": {
        "target_session_attrs": "read-write",
        "options": "-c lock_timeout=300",
        "sslpassword": "hunter3",
        "pool": {"min_size": 1},
        "server_side_binding": True,
    },
}


@pytest.fixture
def psql(monkeypatch: pytest.MonkeyPatch) -> None:
    """The psql of the embedded Postgres."""
    monkeypatch.setenv("PATH", f"{embedded._program('psql').parent}{os.pathsep}{os.environ['PATH']}")


class TestDbshell:
    def test_passes_on_address_and_options_and_hides_secrets(self) -> None:
        arguments, environment = PsqlClient.settings_to_cmd_args_env(SETTINGS, ["--quiet"])

        assert arguments[:2] == ["psql", "--quiet"]
        assert psycopg.conninfo.conninfo_to_dict(arguments[2]) == {
            "host": "one,two",
            "port": "5432,5433",
            "dbname": "turn stile",
            "user": "gate",
            "target_session_attrs": "read-write",
            "options": "-c lock_timeout=300",
        }
        assert environment == {"PGPASSWORD": "hunter2"}

    def test_asks_for_the_password_of_the_moment(self, tmp_path: Path) -> None:
        file = tmp_path / "password"
        file.write_text("monday")
        settings = {**SETTINGS, "PASSWORD": PasswordOfFile(file, setting="GATE_PASSWORD")}

        assert PsqlClient.settings_to_cmd_args_env(settings, [])[1] == {"PGPASSWORD": "monday"}

    def test_reaches_the_same_database(
        self, transactional_db: None, psql: None, capfd: pytest.CaptureFixture[str]
    ) -> None:
        call_command("dbshell", "--", "-XAtc", "SELECT current_database()")

        assert capfd.readouterr().out.strip() == connection.settings_dict["NAME"]

    def test_says_in_a_sentence_that_there_is_no_password(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        missing = PasswordOfFile(tmp_path / "none", setting="GATE_PASSWORD")
        monkeypatch.setitem(connection.settings_dict, "PASSWORD", missing)

        with pytest.raises(CommandError, match="GATE_PASSWORD cannot be read"):
            call_command("dbshell")
