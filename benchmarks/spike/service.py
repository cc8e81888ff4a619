"""
One system on one Postgres: started, watched, ended.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from benchmarks.costs.stored_report import free_port
from benchmarks.rig import service
from benchmarks.spike.systems import SYSTEMS, TURNSTILE, WAYS_IN
from core.embedded import EmbeddedPostgres
from core.pgbouncer import PgBouncer

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "spike"
EVENT = "tonight"
WORKERS = 2
# As many as the pools before it may open.
BEHIND_PGBOUNCER = 30
ALL = {**SYSTEMS, **WAYS_IN}
KEYS = {
    name: f"only-for-the-spike-{name}-0123456789"
    for name in ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY")
}


@dataclass
class Service:
    """
    A system that answers.

    Attributes:
        port: on loopback.
        process: of the service; its children are the workers.
        postgres: the server.
        bouncer: between them, where there is one.
        database: the system's.
    """

    port: int
    process: "subprocess.Popen[bytes]"
    postgres: EmbeddedPostgres
    bouncer: PgBouncer | None
    database: str = DATABASE

    @property
    def url(self) -> str:
        """The database's, for an administrator."""
        return self.postgres.url(self.database)

    def cpu_seconds(self) -> tuple[float, float]:
        """Return what the service, with its PgBouncer, and what Postgres have used so far."""
        postmaster = self.postgres.pid
        assert postmaster is not None
        bouncer = _cpu_seconds(self.bouncer.process.pid) if self.bouncer else 0.0
        return _cpu_seconds(self.process.pid) + bouncer, _cpu_seconds(postmaster)

    def memory_bytes(self) -> int:
        """Return the service's memory; what its processes share counts once."""
        processes = psutil.Process(self.process.pid)
        every = [processes, *processes.children(recursive=True)]
        return sum(each.memory_full_info().pss for each in every)


def _cpu_seconds(pid: int) -> float:
    """Return the seconds of a process, of its children, and of those whose end it has seen."""
    process, total = psutil.Process(pid), 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += sum(each.cpu_times()[:4])
    return total


@contextmanager
def database(folder: Path, parameters: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """Start a Postgres with its defaults, and these settings, that has the service's tables."""
    with EmbeddedPostgres(folder / "postgres", parameters=parameters) as postgres:
        _make_tables(postgres, DATABASE, ROOT)
        yield postgres


def _make_tables(postgres: EmbeddedPostgres, name: str, checkout: Path) -> None:
    postgres.create_database(name)
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=checkout, env=environment_of(TURNSTILE, postgres.url(name)), check=True)
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute("INSERT INTO events (event_id, name) VALUES (%s, 'Tonight')", [EVENT])


def _checkout(commit: str, postgres: EmbeddedPostgres, folder: Path) -> tuple[Path, str]:
    """Return the folder and the database of an earlier state; they are made when they are first asked for."""
    path, name = folder / commit, f"at_{commit}"
    if not path.exists():
        path.mkdir()
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x"], cwd=path, input=archive.stdout, check=True)
        _make_tables(postgres, name, path)
    return path, name


@contextmanager
def running(
    system: str, postgres: EmbeddedPostgres, folder: Path, *, keys: Mapping[str, str] = KEYS
) -> Iterator[Service]:
    """Start a system, with these keys, on a server that `database` made; it ends with the block."""
    port, found = free_port(), ALL[system]
    checkout, name = _checkout(found.commit, postgres, folder) if found.commit else (ROOT, DATABASE)
    between = PgBouncer(postgres, size=BEHIND_PGBOUNCER) if found.is_behind_pgbouncer else nullcontext()
    with between as bouncer, (folder / f"{system}.log").open("w") as log:
        url = bouncer.url(name) if bouncer else postgres.url(name)
        process = subprocess.Popen(
            _command(system, port),
            cwd=checkout,
            env={**environment_of(system, url), **keys},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            service.wait_until_ready(port, system)
            yield Service(port, process, postgres, bouncer, name)
        finally:
            service.end(process)


def environment_of(system: str, url: str) -> dict[str, str]:
    """Return the environment of a system's processes, and of those who send it tickets."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("POOL_", "WEB_"))}
    return {
        **own,
        **KEYS,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SPIKE_SYSTEM": system,
        "WEB_WORKERS": str(WORKERS),
    }


def _command(system: str, port: int) -> list[str]:
    found = ALL[system]
    if not found.module:
        return [sys.executable, "manage.py", "serve", "--port", str(port)]
    threads = ["--blocking-threads", str(found.threads)] if found.interface == "wsgi" else []
    return [
        str(Path(sys.executable).with_name("granian")),
        *("--interface", found.interface, "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(WORKERS), *threads, "--backlog", "4096", "--no-ws", "--log-level", "error"),
        f"{found.module}:application",
    ]
