"""
`manage.py serve --demo`, run as a person runs it: in a checkout of its own, from the first start to Ctrl-C.

The checkout is a copy, so that neither `var/` nor `.env` of the developer's is touched or read.
"""

import errno
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil
import pytest
from django.core.management import CommandError, call_command

from config.management.commands import serve
from config.tests.service import free_port
from core.embedded import EmbeddedPostgres
from core.tests.fixtures import eventually

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "core", "analytics", "etl", "reports", "health")
# A first start makes a database cluster, on a machine that runs the other tests too.
START_SECONDS = 120.0


Process = subprocess.Popen[str]


class Service:
    """
    A checkout in which `manage.py` runs, with nothing of this process's environment but the path.

    One demo runs in it at a time. A start takes ten seconds of a processor, so tests leave it running.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.postgres = EmbeddedPostgres(folder / "var" / "postgres")
        self._output = folder / "output.txt"
        self._demo: Process | None = None
        for app in APPS:
            # What is compiled stays so: the copies are as old as their originals.
            shutil.copytree(ROOT / app, folder / app, ignore=shutil.ignore_patterns("tests"))
        for name in ("manage.py", "CHANGELOG.md"):
            shutil.copy(ROOT / name, folder)

    def demo(self) -> Process:
        """Return the demo, answering requests: the one that runs, or a new one."""
        if self._demo is None or self._demo.poll() is not None:
            with self._output.open("w") as output:
                self._demo = self._start("serve", "--demo", output=output)
        self._wait(self._demo)
        return self._demo

    def output(self) -> str:
        """Return what the latest demo has printed."""
        return self._output.read_text()

    def stop(self, number: signal.Signals) -> int:
        """Send the demo a signal and return its exit code."""
        assert self._demo is not None
        self._demo.send_signal(number)
        return self._demo.wait(START_SECONDS)

    def kill(self) -> None:
        """Kill the demo's process alone, not the ones that it started."""
        if self._demo is not None:
            self._demo.kill()
            self._demo.wait()

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `manage.py` with `arguments` to its end."""
        with self._start(*arguments, output=subprocess.PIPE) as process:
            output, _ = process.communicate(timeout=START_SECONDS)
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    def _start(self, *arguments: str, output: IO[str] | int) -> Process:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "PORT": str(self.port),
                "WEB_WORKERS": "2",
                "PYTHONUNBUFFERED": "1",
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _wait(self, process: Process) -> None:
        """Wait until the service answers; a process that ended instead says why."""

        def answers() -> bool:
            if process.poll() is not None:
                raise AssertionError(self.output())
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


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("checkout"))
    yield service
    service.kill()
    eventually(lambda: serve.is_free(service.port))
    service.postgres.remove()


@pytest.fixture
def demo(service: Service) -> Process:
    """The demo, answering requests."""
    return service.demo()


class TestTheDemo:
    def test_admits_a_ticket_of_its_own_once(self, service: Service, demo: Process) -> None:
        ticket = (service.folder / "var" / "tickets.jsonl").read_text().splitlines()[0]
        headers = {"X-Service-Key": service.keys["SERVICE_API_KEY"]}

        answers = [service.ask("POST", "/validate-qr", ticket, **headers) for _ in range(2)]

        assert [status for status, _ in answers] == [200, 200]
        assert [answer["outcome"] for _, answer in answers] == ["admitted", "duplicate"]

    def test_refuses_a_second_run_and_goes_on(self, service: Service, demo: Process) -> None:
        second = service.run("serve", "--demo")

        assert second.returncode == 1
        assert f"it runs already, as process {demo.pid}" in second.stdout
        assert service.ask("GET", "/health/db")[0] == 200

    def test_has_keys_that_no_other_server_takes(self, service: Service, demo: Process) -> None:
        production = service.run("serve", "--port=0")

        assert production.returncode == 2
        assert [line.split(" is not set")[0] for line in production.stdout.splitlines()] == [
            *("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY", "DATABASE_URL"),
        ]

    def test_fails_no_validation_of_a_spike_and_stays_within_the_bound(
        self, service: Service, demo: Process
    ) -> None:
        spike = service.run("demo_spike", "--clients", "5", "--seconds", "1")

        assert spike.returncode == 0, spike.stdout
        assert "of 30" in spike.stdout
        assert "admitted" in spike.stdout

    def test_after_a_kill_starts_again_on_the_postgres_that_was_left_behind(
        self, service: Service, demo: Process
    ) -> None:
        postgres, keys, upstream = service.postgres.pid, service.keys, service.upstream_port
        eventually(service.companions, timeout=START_SECONDS)

        service.kill()
        eventually(lambda: not service.companions(), timeout=START_SECONDS)
        eventually(lambda: serve.is_free(upstream))
        again = service.demo()

        assert again.pid != demo.pid
        assert (service.postgres.pid, made(service.keys)) == (postgres, made(keys))
        assert service.upstream_port != upstream
        assert f"http://127.0.0.1:{service.port}/api/docs" in service.output()
        assert f"admin / {keys['DEMO_ADMIN_PASSWORD']}" in service.output()
        assert keys["SERVICE_API_KEY"] in service.output()
        assert f"Upstream demo at http://127.0.0.1:{service.upstream_port}" in service.output()

    # The first of them stops the one that started again on what a killed one left behind.
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_stops_everything_that_it_started_at_a_signal(
        self, service: Service, demo: Process, number: signal.Signals
    ) -> None:
        upstream = service.upstream_port
        eventually(service.companions, timeout=START_SECONDS)

        code = service.stop(number)

        assert (code, service.output().splitlines()[-1]) == (0, "Stopped.")
        assert "Traceback" not in service.output()
        assert service.postgres.pid is None
        assert service.companions() == []
        assert serve.is_free(service.port)
        assert serve.is_free(upstream)


class TestPort:
    def test_a_port_in_use_is_refused_with_the_cure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(serve, "PORT_WAIT_SECONDS", 0.0)

        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            cure = port + 1 if port < 65535 else port - 1
            with pytest.raises(CommandError, match=f"port {port} .* in use: .*PORT={cure}"):
                serve.wait_for_port(port)

    def test_a_port_that_is_not_for_this_user_is_not_in_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Kernel(socket.socket):
            def bind(self, address: Any) -> None:
                raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(socket, "socket", Kernel)

        with pytest.raises(CommandError, match=r"port 80 .* is not for this user, .*PORT=8000") as refused:
            serve.wait_for_port(80)

        assert "in use" not in str(refused.value)
        assert refused.value.returncode == 2

    @pytest.mark.parametrize("text", ["70000", "-1", "http"])
    def test_what_is_no_port_is_refused(self, text: str) -> None:
        with pytest.raises(CommandError, match=f"argument --port: '{text}' is no port: use 1 to 65535"):
            call_command("serve", f"--port={text}")
