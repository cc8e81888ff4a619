"""
What `make run` needs before Django reads its settings: keys, a Postgres, an upstream, and one run at a time.

`prepare()` fills in what neither the environment nor `.env` gives, and remembers it in `var/demo.env`, so
that a command in a second terminal finds the same keys and the same database while the demo runs. No
production code calls it.
"""

import atexit
import fcntl
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import environ

from config import env_files
from core.embedded import EmbeddedPostgres, EmbeddedPostgresFailed
from etl.demo.process import UpstreamProcess

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
DATABASE = "turnstile"
# What is made when it is not given, in random bytes; a password is typed by hand.
KEYS = {"SECRET_KEY": 36, "QR_SIGNING_KEY": 36, "SERVICE_API_KEY": 36, "DEMO_ADMIN_PASSWORD": 12}
# They belong together: a token goes to the source that it was given for.
SOURCE_URL, SOURCE_TOKEN = "ETL_SOURCE_URL", "ETL_SOURCE_TOKEN"
TOKEN_BYTES = 24
# Signals to `demo_load` that the demo's own upstream runs; never written to `demo.env`.
UPSTREAM_RUNS = "DEMO_UPSTREAM"


class DemoRefused(RuntimeError):
    """The demo cannot start, or cannot be stopped, here and now; the message says what to do."""


def prepare(folder: Path = VAR_DIR, *, settings_file: Path = BASE_DIR / ".env") -> None:
    """
    Make the environment of `serve --demo`; what it starts stops with this process.

    Raises:
        SystemExit: another run is up, or Postgres did not start; the message says what to do.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        claim(folder)
        os.environ.update(describe(folder, settings_file=settings_file))
    except (DemoRefused, EmbeddedPostgresFailed) as error:
        raise SystemExit(f"Turnstile did not start: {error}") from None


def describe(folder: Path, *, settings_file: Path) -> Mapping[str, str]:
    """Return the settings that nobody gave, those of an earlier run first; start what they name."""
    _forget_empty_values()
    _read(settings_file)
    missing = [name for name in KEYS if name not in os.environ]
    needs_database = "DATABASE_URL" not in os.environ
    needs_source = SOURCE_URL not in os.environ
    if not needs_source:
        # Given, though empty: the token of an earlier run's upstream must not be sent to this source.
        os.environ.setdefault(SOURCE_TOKEN, "")
    _read(folder / env_files.DEMO_FILE)
    made = {name: os.environ.get(name) or secrets.token_urlsafe(KEYS[name]) for name in missing}
    if needs_database:
        made["DATABASE_URL"] = _start_postgres(folder)
    if needs_source:
        made |= _start_upstream()
    remember(made, folder / env_files.DEMO_FILE)
    return made


def claim(folder: Path) -> TextIO:
    """
    Let no other run use `folder` until this process ends, in whatever way it ends.

    Raises:
        DemoRefused: another run uses it, or it belongs to another user.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / env_files.DEMO_LOCK).open("a+")
    except PermissionError:
        cure = "delete it as that user (`make clean`)"
        raise DemoRefused(f"{folder} belongs to another user: {cure}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with file:
            file.seek(0)
            other = file.read()
        raise DemoRefused(f"it runs already, as process {other}: stop that one with Ctrl-C") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    _claims.append(file)
    return file


def remember(values: Mapping[str, str], path: Path) -> None:
    """Write `values` for other commands to find; nobody but the owner may read them."""
    draft = path.with_suffix(".new")
    draft.touch()
    draft.chmod(0o600)
    draft.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    # At once: a command that starts meanwhile reads the old file or the new one, never half of it.
    draft.replace(path)


def stop(folder: Path = VAR_DIR) -> None:
    """
    Stop the embedded Postgres that a killed run left behind.

    Raises:
        SystemExit: the demo is running, and would lose its database.
    """
    try:
        claim(folder)
    except DemoRefused as error:
        raise SystemExit(f"the demo's Postgres was not stopped: {error}") from None
    EmbeddedPostgres(folder / "postgres").stop()


def _start_postgres(folder: Path) -> str:
    server = EmbeddedPostgres(folder / "postgres")
    atexit.register(server.stop)
    server.start()
    server.create_database(DATABASE)
    return server.url(DATABASE)


def _start_upstream() -> Mapping[str, str]:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    upstream = UpstreamProcess(token=token)
    atexit.register(upstream.stop)
    os.environ[UPSTREAM_RUNS] = upstream.url
    return {SOURCE_URL: upstream.url, SOURCE_TOKEN: token}


def _forget_empty_values() -> None:
    # `NAME=` in a shell or a container's description means: not given.
    for name in (*KEYS, "DATABASE_URL", SOURCE_URL, SOURCE_TOKEN):
        if not os.environ.get(name, "").strip():
            os.environ.pop(name, None)


def _read(path: Path) -> None:
    """Read a file the way `config.settings` does: a real environment variable wins over it."""
    if path.exists():
        environ.Env.read_env(str(path))
        _forget_empty_values()


def _leave(_number: int, _frame: object) -> None:
    """End the process in order, whatever it is doing; a second Ctrl-C does not interrupt the end."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    raise SystemExit(0)


# Kept open: closing a file gives its lock up.
_claims: list[TextIO] = []

if __name__ == "__main__":
    if sys.argv[1:] != ["stop"]:
        raise SystemExit("usage: python -m config.demo stop")
    stop()
