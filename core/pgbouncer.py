"""
PgBouncer in transaction mode before an embedded Postgres: for tests and benchmarks only.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import psycopg

from core.embedded import SUPERUSER, EmbeddedPostgres

# Debian's package puts it where only root looks.
PROGRAM = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
START_SECONDS = 30.0
_SETTINGS = """
[databases]
* = host={host} port=5432 user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 2000
logfile = {folder}/log
"""


class PgBouncer:
    """
    One PgBouncer, which runs inside a `with` block.

    Args:
        postgres: the server behind it.
        size: the most connections that it opens to a database.
    """

    def __init__(self, postgres: EmbeddedPostgres, *, size: int) -> None:
        self._postgres = postgres
        self._size = size

    def __enter__(self) -> Self:
        if PROGRAM is None:
            raise FileNotFoundError("no pgbouncer here (Debian: apt-get install pgbouncer)")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        # A folder of its own: it refuses to run as root, and the server's user may not go everywhere.
        self._folder = Path(tempfile.mkdtemp(prefix="turnstile-pgbouncer-"))
        settings = self._folder / "pgbouncer.ini"
        values = {"host": self._postgres.socket_dir, "user": SUPERUSER, "port": self._port}
        settings.write_text(_SETTINGS.format(**values, folder=self._folder, size=self._size))
        self.process = subprocess.Popen(
            [PROGRAM, str(settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as_owner_of_the_server(),
        )
        self._wait_until_ready()
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self._folder)

    def url(self, database: str = SUPERUSER) -> str:
        """Return the URL of a database through it."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self._port}/{database}"

    def _as_owner_of_the_server(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        owner = self._postgres.socket_dir.stat()
        shutil.chown(self._folder, owner.st_uid, owner.st_gid)
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}

    def _wait_until_ready(self) -> None:
        deadline = monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=1).close()
            except psycopg.OperationalError:
                if monotonic() > deadline:
                    self.__exit__()
                    raise
                sleep(0.05)
            else:
                return
