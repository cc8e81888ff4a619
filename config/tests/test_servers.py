"""The service under real servers: pre-fork, workers, and a stop in the middle of requests (R6, S2)."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from django.conf import settings
from django.db import connection

from analytics import qr
from config.tests.service import free_port
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.tests.fixtures import eventually

pytestmark = pytest.mark.real_pool

IN_FLIGHT = 10
# One for all requests: making one costs more than a request.
client = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))
SERVERS: dict[str, Callable[[int], list[str]]] = {
    "granian": lambda port: [
        "granian", "--interface", "asgi", "--workers", "2",
        # As `manage.py serve`: do not wait for ever for a worker that was stopped while it started.
        "--workers-kill-timeout", "20",
        "--host", "127.0.0.1", "--port", str(port), "config.asgi:application",
    ],
    "gunicorn --preload": lambda port: [
        "gunicorn", "--preload", "--workers", "2", "--threads", "16",
        "--bind", f"127.0.0.1:{port}", "config.wsgi:application",
    ],
}  # fmt: skip


# What each of them logs when it is stopped.
STOPPING = re.compile("Shutting down granian|Handling signal: term")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the server says."""
    return tmp_path / "server.log"


@pytest.fixture(params=SERVERS)
def server(
    request: pytest.FixtureRequest, django_pool: SharedPool, postgres: EmbeddedPostgres, log: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server of the service on the test database: its URL and its process."""
    port = free_port()
    environment = {**os.environ, "DATABASE_URL": postgres.url(connection.settings_dict["NAME"])}
    command = [sys.executable, "-m", *SERVERS[request.param](port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=settings.BASE_DIR,
            start_new_session=True,
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: answers(url), timeout=60)
    yield url, process
    # Its workers too, which outlive a killed parent.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(url: str) -> bool:
    try:
        return client.get(f"{url}/health/db", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def validate(url: str, number: int) -> httpx.Response:
    token = qr.sign({"ticket_id": f"TKT-{number}", "event": "Tonight", "user": "guest"})
    return client.post(
        f"{url}/validate-qr",
        json={"qr_text": token},
        headers={"X-Service-Key": settings.SERVICE_API_KEY},
        timeout=30,
    )


def accepted(url: str) -> int:
    """Return how many of our connections a server's process has."""
    port = int(url.rpartition(":")[2])
    found = [each for each in psutil.net_connections("tcp") if each.pid is not None]
    return sum(each.laddr[1:] == (port,) and each.status == psutil.CONN_ESTABLISHED for each in found)


def waiting_for_a_lock(outside: psycopg.Connection[Any]) -> int:
    row = outside.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    assert row is not None
    return int(row[0])


class TestAServer:
    def test_serves_through_pools_of_its_workers(self, server: tuple[str, Any]) -> None:
        url, _ = server

        with ThreadPoolExecutor(20) as clients:
            found = list(clients.map(lambda n: validate(url, n), range(60)))

        assert {response.status_code for response in found} == {200}
        assert {response.json()["outcome"] for response in found} == {"admitted"}

    def test_that_is_stopped_answers_what_it_accepted(
        self,
        server: tuple[str, Any],
        log: Path,
        postgres: EmbeddedPostgres,
        outside: psycopg.Connection[Any],
    ) -> None:
        url, process = server
        with (
            psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as locker,
            ThreadPoolExecutor(IN_FLIGHT) as clients,
        ):
            locker.execute("LOCK TABLE ticket_scans IN ACCESS EXCLUSIVE MODE")
            requests = [clients.submit(validate, url, number) for number in range(IN_FLIGHT)]
            eventually(lambda: accepted(url) == IN_FLIGHT and waiting_for_a_lock(outside) > 0)
            process.send_signal(signal.SIGTERM)
            # A server may go on accepting while it works on what it has: wait for its own word.
            eventually(lambda: STOPPING.search(log.read_text()), timeout=30)
            locker.rollback()
            found = [request.result() for request in requests]

        assert [response.status_code for response in found] == [200] * IN_FLIGHT
        assert process.wait(60) == 0
        assert_stored(IN_FLIGHT)


def assert_stored(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ticket_scans")
        assert cursor.fetchone() == (count,)
