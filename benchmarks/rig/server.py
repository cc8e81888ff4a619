"""
A Postgres for one cell, copied from a template in a moment, and what an administrator does to it.
"""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from core.embedded import SUPERUSER, EmbeddedPostgres, _program

DATABASE = "faults"
# An ordinary role: the slots that the server reserves stay free for the administrator.
ROLE = "writer"
# A commit must survive a killed server, so it is handed to the kernel; only the disk is not waited for.
PARAMETERS: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on"}
_SCHEMA = f"""
    CREATE ROLE {ROLE} LOGIN;
    CREATE TABLE written (writer integer NOT NULL, number integer NOT NULL);
    GRANT ALL ON written TO {ROLE};
"""


class Server:
    """One Postgres that a cell may stop, kill, freeze and promote."""

    def __init__(self, data_dir: Path, parameters: Mapping[str, str]) -> None:
        self.postgres = EmbeddedPostgres(data_dir, parameters={**PARAMETERS, **parameters})

    @property
    def url(self) -> str:
        """The URL of the table's database, for the role that a system logs in with."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={self.postgres.socket_dir}"

    @property
    def socket(self) -> Path:
        """The unix socket, for a relay."""
        return self.postgres.socket_dir / ".s.PGSQL.5432"

    def ask(self, statement: str, database: str = DATABASE) -> list[str]:
        """Run a statement as the administrator, from another process; return a line for each row."""
        target = ["-h", str(self.postgres.socket_dir), "-U", SUPERUSER, "-d", database]
        command = [str(_program("psql")), "-X", "-A", "-t", "-q", *target, "-c", statement]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return answer.stdout.splitlines()

    def terminate(self, condition: str = "true") -> int:
        """End the systems' backends that meet `condition`; return how many, when they are gone."""
        backends = f"FROM pg_stat_activity WHERE usename = '{ROLE}' AND {condition}"
        return int(self.ask(f"SELECT count(pg_terminate_backend(pid, 5000)) {backends}")[0])

    def set(self, name: str, value: str) -> None:
        """Change a setting of the running server, in its sessions too."""
        self.ask(f"ALTER SYSTEM SET {name} = {value}")
        self.ask("SELECT pg_reload_conf()")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the server; wait for the end of those that it kills."""
        self.postgres.signal(number)

    def copy_from(self, primary: "Server") -> None:
        """Become a running standby of `primary`."""
        postgres = self.postgres
        postgres._prepare_folders()
        source = ["-h", str(primary.postgres.socket_dir), "-U", SUPERUSER]
        command: list[str | Path] = [
            _program("pg_basebackup"),
            *source,
            "-D",
            str(postgres.data_dir),
            "-R",
            "-c",
            "fast",
        ]
        postgres._check(command)
        postgres.start()

    def rows(self) -> list[tuple[int, int]]:
        """Return every row that was written, as (writer, number)."""
        pairs = (line.split("|") for line in self.ask("SELECT writer, number FROM written"))
        return [(int(writer), int(number)) for writer, number in pairs]

    def version(self) -> str:
        return self.ask("SHOW server_version")[0]


def make_template(folder: Path) -> Path:
    """Initialise the data directory that every cell copies; return its path."""
    template = folder / "template"
    if not template.exists():
        server = Server(template, {})
        with server.postgres:
            server.postgres.create_database(DATABASE)
            server.ask(_SCHEMA)
    return template


def copy_server(folder: Path, name: str, parameters: Mapping[str, str]) -> Server:
    """Return a started server on a copy of the template."""
    data_dir = folder / name
    shutil.rmtree(data_dir, ignore_errors=True)
    # -a: the files belong to the user who runs the server.
    subprocess.run(["cp", "-a", str(make_template(folder)), str(data_dir)], check=True)
    server = Server(data_dir, parameters)
    server.postgres.start()
    return server
