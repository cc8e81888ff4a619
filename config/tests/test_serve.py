"""
`manage.py serve --demo`, run as a person runs it: in a checkout of its own, from the first start to Ctrl-C.

The checkout is a copy, so that neither `var/` nor `.env` of the developer's is touched or read.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.management import CommandError

from config.management.commands import serve
from core.embedded import EmbeddedPostgres
from core.tests.fixtures import eventually

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "core", "analytics", "etl", "reports", "health")
# A first start makes a database cluster, on a machine that runs the other tests too.
START_SECONDS = 60.0


class Service:
    """A checkout in which `manage.py` runs, with nothing of this process's environment but the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.postgres = EmbeddedPostgres(folder / "var" / "postgres")
        for app in APPS:
            shutil.copytree(ROOT / app, folder / app, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        for name in ("manage.py", "CHANGELOG.md"):
            shutil.copy(ROOT / name, folder)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `manage.py` with `arguments`, as the shell would."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "PORT": str(self.port),
                "WEB_WORKERS": "2",
                "PYTHONUNBUFFERED": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `manage.py` with `arguments` to its end."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=START_SECONDS)
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    def wait(self, process: "subprocess.Popen[str]") -> None:
        """Wait until the service answers; a process that ended instead says why."""

        def answers() -> bool:
            if process.poll() is not None:
                raise AssertionError(process.communicate()[0])
            return self.answering_parent() == process.pid

        eventually(answers, timeout=START_SECONDS)

    def answering_parent(self) -> int:
        """Return the process id of the `serve` whose worker answers, or 0: a killed one's may linger."""
        try:
            _, answer = self.ask("GET", "/health/db")
            return psutil.Process(answer["process_id"]).ppid()
        except (OSError, psutil.NoSuchProcess):
            return 0

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any]:
        """Send one request and return the status and the JSON of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def companions(self) -> list[int]:
        """Return the processes of this checkout that `serve --demo` runs beside the server."""
        return [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if "--until-stdin-closes" in (process.info["cmdline"] or []) and folder_of(process) == self.folder
        ]

    @property
    def keys(self) -> dict[str, str]:
        """The settings that the demo made."""
        lines = (self.folder / "var" / "demo.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def upstream_port(self) -> int:
        """Where the demo's own upstream listens."""
        return int(self.keys["ETL_SOURCE_URL"].rpartition(":")[2])


def made(keys: dict[str, str]) -> dict[str, str]:
    """Return the keys that are made once; each start has an upstream of its own."""
    return {name: value for name, value in keys.items() if not name.startswith("ETL_SOURCE_")}


def folder_of(process: psutil.Process) -> Path | None:
    try:
        return Path(process.cwd())
    except psutil.Error:
        return None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def stop(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str]:
    """Send the signal and return the exit code and the output."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=START_SECONDS)
    return process.returncode, output


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill the process alone, not the ones that it started; they may hold its output open."""
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("checkout"))
    yield service
    service.postgres.remove()


@contextmanager
def demo_running(service: Service) -> Iterator["subprocess.Popen[str]"]:
    """The demo, answering requests; killed at the end unless the test ended it."""
    process = service.start("serve", "--demo")
    try:
        service.wait(process)
        yield process
    finally:
        if process.poll() is None:
            kill(process)
            eventually(lambda: serve.is_free(service.port))


@pytest.fixture(scope="class")
def running(service: Service) -> Iterator["subprocess.Popen[str]"]:
    """One demo for all tests that leave it running."""
    with demo_running(service) as process:
        yield process


class TestRunningDemo:
    def test_admits_a_ticket_of_the_demo_once(
        self, service: Service, running: "subprocess.Popen[str]"
    ) -> None:
        ticket = (service.folder / "var" / "tickets.jsonl").read_text().splitlines()[0]
        headers = {"X-Service-Key": service.keys["SERVICE_API_KEY"]}

        answers = [service.ask("POST", "/validate-qr", ticket, **headers) for _ in range(2)]

        assert [status for status, _ in answers] == [200, 200]
        assert [answer["outcome"] for _, answer in answers] == ["admitted", "duplicate"]

    def test_refuses_a_second_run_and_goes_on(
        self, service: Service, running: "subprocess.Popen[str]"
    ) -> None:
        second = service.run("serve", "--demo")

        assert second.returncode == 1
        assert f"it runs already, as process {running.pid}" in second.stdout
        assert service.ask("GET", "/health/db")[0] == 200

    def test_fails_no_validation_of_a_spike_and_stays_within_the_bound(
        self, service: Service, running: "subprocess.Popen[str]"
    ) -> None:

        spike = service.run("demo_spike", "--clients", "5", "--seconds", "1")

        assert spike.returncode == 0, spike.stdout
        assert "of 30" in spike.stdout
        assert "admitted" in spike.stdout


class TestStoppingTheDemo:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_stops_everything_that_it_started(
        self, service: Service, number: signal.Signals
    ) -> None:
        with demo_running(service) as process:
            upstream = service.upstream_port
            eventually(service.companions, timeout=START_SECONDS)
            code, output = stop(process, number)

        assert (code, output.splitlines()[-1]) == (0, "Stopped.")
        assert "Traceback" not in output
        assert service.postgres.pid is None
        assert service.companions() == []
        assert serve.is_free(service.port)
        assert serve.is_free(upstream)

    def test_after_a_kill_it_starts_again_on_the_postgres_that_was_left_behind(
        self, service: Service
    ) -> None:
        with demo_running(service) as killed:
            postgres, keys, upstream = service.postgres.pid, service.keys, service.upstream_port
            eventually(service.companions, timeout=START_SECONDS)
            kill(killed)
            eventually(lambda: not service.companions(), timeout=START_SECONDS)
            eventually(lambda: serve.is_free(upstream))

            with demo_running(service) as again:
                assert (service.postgres.pid, made(service.keys)) == (postgres, made(keys))
                assert service.upstream_port != upstream
                code, output = stop(again, signal.SIGINT)

        assert (code, service.postgres.pid) == (0, None)
        assert f"http://127.0.0.1:{service.port}/api/docs" in output
        assert f"admin / {keys['DEMO_ADMIN_PASSWORD']}" in output
        assert keys["SERVICE_API_KEY"] in output
        assert f"Upstream demo at http://127.0.0.1:{service.upstream_port}" in output


class TestPort:
    def test_a_port_in_use_is_refused_with_the_cure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(serve, "PORT_WAIT_SECONDS", 0.0)

        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(CommandError, match=f"port {port} .* in use: .*PORT={port + 1}"):
                serve.wait_for_port(port)


@pytest.mark.django_db
class TestMigrations:
    def test_a_migrated_database_is_accepted(self) -> None:
        serve.refuse_pending_migrations()
