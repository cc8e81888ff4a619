"""
One siege's Postgres and service: started, reached, and stopped.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks.costs import report_data
from benchmarks.costs.stored_report import free_port
from benchmarks.rig import service
from core.embedded import EmbeddedPostgres
from etl.demo.process import UpstreamProcess

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "siege"
# What commits says when; a commit survives the server's end, but the disk is not waited for.
PARAMETERS: Mapping[str, str] = {
    "track_commit_timestamp": "on",
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
}
KEYS = {
    name: f"only-for-the-siege-{name}-0123456789"
    for name in ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY")
}
TOKEN = KEYS["SERVICE_API_KEY"]
SYSTEMS = {
    "turnstile": "Turnstile",
    "stock": "Django's pool, QueuePool, granian",
}
WORKERS = 2
# 32 for requests and 64 for downloads, where all threads are alike.
STOCK_THREADS = 96
# What a small disk has left.
ROOM_BYTES = 48 * 1024 * 1024


@dataclass
class Stage:
    """
    What an attack may reach.

    Attributes:
        postgres: the server, which an attack may stop or fill.
        port: of the service, on loopback.
        environment: of the service's processes, and of its commands.
        download: the path of a stored report of 50 MB.
        session: the cookie of an administrator.
    """

    system: str
    postgres: EmbeddedPostgres
    port: int
    environment: Mapping[str, str]
    download: str
    session: str
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """The database's."""
        return self.postgres.url(DATABASE)

    def ask(self, statement: str, *parameters: object) -> list[Any]:
        """Run a statement as the administrator, on a connection of its own; return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def command(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a `manage.py` command of the service."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def workers(self) -> list[psutil.Process]:
        """Return the processes that serve requests."""
        assert self.process is not None
        return service.workers(self.process)


@contextmanager
def template(folder: Path, *, rows: int = report_data.ROWS) -> Iterator[Mapping[str, Any]]:
    """Make what every stage copies, with so many rows for reports; yield what `prepare` says of it."""
    postgres = EmbeddedPostgres(folder / "template", parameters=PARAMETERS)
    files = folder / "reports"
    files.mkdir()
    with postgres:
        postgres.create_database(DATABASE)
        environment = _environment(postgres.url(DATABASE), files, "")
        command = [sys.executable, "-m", "benchmarks.siege.prepare", str(files), str(rows)]
        made = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    yield json.loads(made.stdout)


@contextmanager
def stage(
    system: str,
    folder: Path,
    made: Mapping[str, Any],
    *,
    needs_disk: bool = False,
    parameters: Mapping[str, str] = PARAMETERS,
) -> Iterator[Stage]:
    """
    Start a Postgres, with these settings, and the service on it; both end with the block.

    Raises:
        NoDisk: this user may not mount a small one.
    """
    with _data(folder, needs_disk=needs_disk) as data:
        yield from _stage(system, folder, EmbeddedPostgres(data, parameters=parameters), made)


class NoDisk(Exception):
    """
    Only root may mount a disk, and in some containers nobody.
    """


@contextmanager
def _data(folder: Path, *, needs_disk: bool) -> Iterator[Path]:
    """Copy the template's data, onto a disk with little room where one is needed."""
    data, source = folder / "data", folder / "template"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    if needs_disk:
        used = sum(each.stat().st_blocks * 512 for each in source.rglob("*"))
        options = f"size={used + ROOM_BYTES}"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(data)], check=False)
        if mounted.returncode:
            raise NoDisk(f"`mount -t tmpfs` failed for {data}: run this as root")
    try:
        # -a: the files, and the folder, belong to the user who runs the server.
        subprocess.run(["cp", "-a", f"{source}/.", str(data)], check=True)
        yield data
    finally:
        if needs_disk:
            subprocess.run(["umount", "--lazy", str(data)], check=True)
        shutil.rmtree(data, ignore_errors=True)


def _stage(system: str, folder: Path, postgres: EmbeddedPostgres, made: Mapping[str, Any]) -> Iterator[Stage]:
    upstream = UpstreamProcess(token=TOKEN)
    environment = _environment(postgres.url(DATABASE), folder / "reports", upstream.url)
    found = Stage(system, postgres, free_port(), environment, made["download"], made["session"])
    try:
        with postgres, (folder / f"{system}.log").open("w") as log:
            found.process = _serve(found, log)
            try:
                service.wait_until_ready(found.port, system)
                yield found
            finally:
                service.end(found.process)
    finally:
        upstream.stop()
        postgres.stop("immediate")
        shutil.rmtree(postgres.socket_dir, ignore_errors=True)


def _environment(url: str, reports: Path, upstream: str) -> dict[str, str]:
    return {
        **os.environ,
        **KEYS,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ETL_SOURCE_URL": upstream,
        "ETL_SOURCE_TOKEN": TOKEN,
        "REPORT_STORAGE": str(reports),
        "WEB_WORKERS": str(WORKERS),
    }


def _serve(found: Stage, log: Any) -> "subprocess.Popen[bytes]":
    port = ["--port", str(found.port)]
    ours = [sys.executable, "manage.py", "serve", *port]
    stock = [
        *(
            str(Path(sys.executable).with_name("granian")),
            "--interface",
            "wsgi",
            "--host",
            "127.0.0.1",
            *port,
        ),
        *("--workers", str(WORKERS), "--blocking-threads", str(STOCK_THREADS), "--respawn-failed-workers"),
        "benchmarks.siege.stock:application",
    ]
    return subprocess.Popen(
        ours if found.system == "turnstile" else stock,
        cwd=ROOT,
        env=found.environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
