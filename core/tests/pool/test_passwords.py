"""Passwords that are read when a connection is opened (contract line M1)."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.pool import SharedPool, passwords
from core.pool.passwords import PasswordOfCommand, PasswordOfFile, PasswordUnavailable
from core.pool.wait_queue import ServerRefused

MakePool = Callable[..., SharedPool]
SETTING = "GATE_PASSWORD"


def script(code: str) -> PasswordOfCommand:
    """Return the password that a line of Python writes."""
    return PasswordOfCommand(shlex.join([sys.executable, "-c", code]), setting=SETTING)


class TestAPassword:
    def test_is_asked_for_at_each_connect(self, make_pool: MakePool, tmp_path: Path) -> None:
        file = tmp_path / "password"
        pool = make_pool(kwargs={"password": PasswordOfFile(file, setting=SETTING)})

        def used() -> bytes:
            pool.drain()
            with pool.connection() as borrowed:
                return borrowed.pgconn.password

        file.write_text("monday")
        assert used() == b"monday"

        file.write_text("tues day\n")
        assert used() == b"tues day"

    def test_of_a_command_is_its_only_line(self, make_pool: MakePool) -> None:
        pool = make_pool(kwargs={"password": script("print('hunter2')")})

        with pool.connection() as borrowed:
            assert borrowed.pgconn.password == b"hunter2"

    def test_that_cannot_be_read_is_a_refusal(self, make_pool: MakePool, tmp_path: Path) -> None:
        missing = PasswordOfFile(tmp_path / "none", setting=SETTING)
        pool = make_pool(kwargs={"password": missing}, fail_fast=True)

        with pytest.raises(ServerRefused, match=r"GATE_PASSWORD cannot be read \(No such file"):
            pool.getconn()

    def test_shows_neither_itself_nor_its_command(self) -> None:
        assert "hunter2" not in repr(script("print('hunter2')"))


class TestAnError:
    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"", "nothing, not one line"),
            (b"\n", "1 lines, not one line"),
            (b"hunter2\nhunter3\n", "2 lines"),
            (b"hunter2\xff", "no text"),
            (b"hunter2\0", "not one line"),
        ],
    )
    def test_of_a_file_tells_what_is_wrong(self, tmp_path: Path, content: bytes, what: str) -> None:
        file = tmp_path / "password"
        file.write_bytes(content)

        with pytest.raises(PasswordUnavailable, match=rf"^GATE_PASSWORD .*{what}") as raised:
            str(PasswordOfFile(file, setting=SETTING))

        assert "hunter" not in str(raised.value)

    @pytest.mark.parametrize(
        ("code", "what"),
        [
            ("print('hunter2'); raise SystemExit(3)", "ended with exit code 3"),
            ("print('hunter2', flush=True); import time; time.sleep(60)", "took longer than 0.5 s"),
            ("pass", "nothing, not one line"),
        ],
    )
    def test_of_a_command_tells_how_it_ended(
        self, monkeypatch: pytest.MonkeyPatch, code: str, what: str
    ) -> None:
        monkeypatch.setattr(passwords, "COMMAND_SECONDS", 0.5 if "sleep" in code else 30.0)

        with pytest.raises(PasswordUnavailable, match=rf"^GATE_PASSWORD .*{what}") as raised:
            str(script(code))

        assert "hunter" not in str(raised.value)

    def test_of_a_command_that_is_not_there(self) -> None:
        with pytest.raises(PasswordUnavailable, match=r"cannot be started \(No such file"):
            str(PasswordOfCommand("no-such-program --token=hunter2", setting=SETTING))


def test_any_object_may_be_a_parameter_of_psycopg(make_pool: MakePool) -> None:
    """What the whole depends on: psycopg takes the text of a parameter when it connects, not before."""

    class Counted:
        count = 0

        def __str__(self) -> str:
            Counted.count += 1
            return "secret"

    parameters: dict[str, Any] = {"password": Counted()}
    pool = make_pool(kwargs=parameters)
    assert Counted.count == 0

    pool.putconn(pool.getconn())

    assert Counted.count >= 1
