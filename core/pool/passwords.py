"""
Passwords that change: read from a file or from a command each time that a connection is opened.

Each is an object whose text is the password of the moment: psycopg, and Django's dbshell, ask for it when
they need it. Nothing keeps it, and no error shows it.
"""

import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

COMMAND_SECONDS = 10.0


class PasswordUnavailable(RuntimeError):
    """
    The password cannot be read now. The message names the setting and what is wrong, never the password.
    """


@dataclass(frozen=True)
class PasswordOfFile:
    """The first and only line of a file; `setting` is what named it."""

    path: Path
    setting: str

    def __str__(self) -> str:
        try:
            return _only_line(self.path.read_bytes(), self.setting)
        except OSError as error:
            raise PasswordUnavailable(f"{self.setting} cannot be read ({error.strerror})") from None


@dataclass(frozen=True)
class PasswordOfCommand:
    """
    The only line that a command writes. No shell runs it.

    Its standard error goes where ours goes: it says what was wrong.
    """

    # Not in its repr(): it may hold a secret of its own.
    command: str = field(repr=False)
    setting: str

    def __str__(self) -> str:
        try:
            ended = subprocess.run(
                shlex.split(self.command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except OSError as error:
            raise PasswordUnavailable(f"{self.setting} cannot be started ({error.strerror})") from None
        except subprocess.TimeoutExpired:
            raise PasswordUnavailable(f"{self.setting} took longer than {COMMAND_SECONDS:g} s") from None
        if ended.returncode:
            raise PasswordUnavailable(f"{self.setting} ended with exit code {ended.returncode}")
        return _only_line(ended.stdout, self.setting)


def _only_line(content: bytes, setting: str) -> str:
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        raise PasswordUnavailable(f"{setting} gives what is no text") from None
    if len(lines) != 1 or not lines[0] or "\0" in lines[0]:
        found = f"{len(lines)} lines" if lines else "nothing"
        raise PasswordUnavailable(f"{setting} gives {found}, not one line with the password")
    return lines[0]
