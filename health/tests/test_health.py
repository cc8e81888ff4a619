"""The endpoints that monitors ask (/health, /ready, /health/db) and their numbers (contract lines N1, G7)."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from psycopg import sql

from core import db
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.tests.fixtures import eventually, held
from core.tests.proxy import Proxy
from health import readiness

pytestmark = pytest.mark.real_pool

COUNTERS = {
    *("pool_size", "checked_in", "checked_out", "overflow", "open", "connecting", "waiting", "max"),
    "classes",
}


@pytest.fixture
def full_pool(django_pool: SharedPool) -> Iterator[SharedPool]:
    """Every connection is lent."""
    with held(django_pool):
        yield django_pool


@pytest.fixture
def deaf_server(
    django_pool: SharedPool,
    postgres: EmbeddedPostgres,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """The wire to the server carries nothing any more, in either direction."""
    parameters = django_pool.kwargs
    assert isinstance(parameters, dict)
    with Proxy(postgres) as proxy:
        monkeypatch.setattr(django_pool, "kwargs", {**parameters, **proxy.address(), "connect_timeout": 2})
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.close()
        proxy.go_deaf()
        yield
        proxy.hear()
        proxy.cut()
        django_pool.drain()


@pytest.fixture
def read_only(django_pool: SharedPool, outside: psycopg.Connection[Any]) -> Iterator[Callable[[str], None]]:
    """Lets the database refuse writes ("on") or take them ("off"), in sessions to come."""
    name = sql.Identifier(connection.settings_dict["NAME"])

    def switch(value: str) -> None:
        statement = "ALTER DATABASE {} SET default_transaction_read_only = {}"
        outside.execute(sql.SQL(statement).format(name, value))

    yield switch
    outside.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
    django_pool.drain()


class FullDisk:
    """
    Lets the files that a backend makes for itself lead to /dev/full, where no byte can be written.

    What the backend is then told by its kernel, and tells its client, is what a full disk does.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "base" / "pgsql_tmp"

    def fill(self, backend_pid: int) -> None:
        self._folder.mkdir(exist_ok=True)
        owner = self._folder.parent.stat()
        os.chown(self._folder, owner.st_uid, owner.st_gid)
        for number in range(100):
            (self._folder / f"pgsql_tmp{backend_pid}.{number}").symlink_to("/dev/full")

    def make_room(self) -> None:
        for link in self._folder.glob("pgsql_tmp*"):
            # The server deletes those that it has met.
            link.unlink(missing_ok=True)


@pytest.fixture
def disk(django_pool: SharedPool, postgres: EmbeddedPostgres) -> Iterator[FullDisk]:
    """The server's disk, which a test may fill."""
    disk = FullDisk(postgres.data_dir)
    yield disk
    with suppress(FileNotFoundError):
        disk.make_room()


def backend_pid() -> int:
    """Return the process id of the backend that the next borrower gets."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
    connection.close()
    return pid


class TestHealth:
    def test_it_asks_no_database(self, client: Client, full_pool: SharedPool) -> None:
        response = client.get("/health")

        assert response.status_code == 200
        assert response.json()["status"] == "ok"
        assert response.json()["service"] == "turnstile"
        assert response["Cache-Control"] == "no-store"


class TestHealthDb:
    def test_it_says_how_full_the_pool_is(self, client: Client, django_pool: SharedPool) -> None:
        answer = client.get("/health/db")

        body = answer.json()
        assert answer.status_code == 200
        assert body["status"] == "ok"
        assert {name: body[name] for name in COUNTERS} == body["pool"]
        assert body["pool"] == {
            "pool_size": 5, "checked_in": 1, "checked_out": 0, "overflow": 0,
            "open": 1, "connecting": 0, "waiting": 0, "max": 15,
            "classes": {
                name: {"places": 15, "checked_out": 0, "waiting": 0}
                for name in ("health", "gate", "staff", "batch")
            },
        }  # fmt: skip
        assert body["select_ms"] > 0
        assert body["process_id"] > 0
        assert answer["Cache-Control"] == "no-store"

    def test_a_full_pool_is_reported_soon_and_with_its_numbers(
        self, client: Client, full_pool: SharedPool
    ) -> None:
        started = monotonic()

        answer = client.get("/health/db")

        assert answer.status_code == 503
        assert answer.json()["reason"] == "pool_full"
        assert answer.json()["checked_out"] == answer.json()["pool"]["checked_out"] == 15
        assert monotonic() - started < full_pool.timeout

    def test_a_deaf_server_is_unreachable(self, client: Client, deaf_server: None) -> None:
        answer = client.get("/health/db")

        assert answer.status_code == 503
        assert answer.json()["reason"] == "unreachable"
        assert answer.json().keys() >= COUNTERS

    def test_a_connection_that_did_not_answer_is_not_lent_again(
        self,
        client: Client,
        deaf_server: None,
        django_pool: SharedPool,
    ) -> None:
        client.get("/health/db")

        assert django_pool.stats().checked_in == 0

    def test_a_stranger_learns_no_names(self, client: Client, deaf_server: None) -> None:
        text = client.get("/health/db").content.decode()

        for word in ("127.0.0.1", "postgres", "host", "user", "Error", "Traceback"):
            assert word not in text

    def test_it_leaves_the_connection_as_it_found_it(
        self,
        client: Client,
        django_pool: SharedPool,
    ) -> None:
        for _ in range(100):
            client.get("/health/db")

        assert django_pool.stats().checked_in == django_pool.stats().open == 1

    def test_it_opens_no_connection_outside_the_pool(
        self,
        client: Client,
        django_pool: SharedPool,
        outside: Any,
    ) -> None:
        client.get("/health/db")

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            assert cursor.fetchone() == (1,)


ADDRESSES = ("/health", "/livez", "/ready", "/readyz", "/health/db")
address = pytest.mark.parametrize("path", [*ADDRESSES, *(f"{each}/" for each in ADDRESSES)])


class TestAnAddress:
    @address
    def test_is_answered_with_a_slash_at_its_end_or_without(
        self, client: Client, django_pool: SharedPool, path: str
    ) -> None:
        assert client.get(path).status_code == client.head(path).status_code == 200

    @pytest.mark.parametrize(("name", "other_name"), [("/health", "/livez"), ("/ready", "/readyz")])
    def test_is_answered_as_its_other_name(
        self, client: Client, django_pool: SharedPool, name: str, other_name: str
    ) -> None:
        answers = [client.get(path).json() for path in (name, other_name)]

        assert [answer.pop("timestamp") for answer in answers]
        assert answers[0] == answers[1]

    @address
    @pytest.mark.parametrize("host", ["10.42.8.201:8000", "[fd00::8]:8000", "turnstile_web", "a/b c", ""])
    def test_is_answered_whatever_host_a_probe_names(
        self, client: Client, django_pool: SharedPool, path: str, host: str, caplog: Any
    ) -> None:
        answer = client.get(path, headers={"host": host})

        assert answer.status_code == 200
        assert caplog.records == []

    @address
    def test_refuses_to_be_written_to(self, client: Client, path: str) -> None:
        assert client.post(path).status_code == 405


class TestAnyOtherAddress:
    @pytest.mark.parametrize(
        "path",
        [
            *("/", "/admin/login/", "/admin/pool/", "/stats", "/validate-qr", "/api/docs"),
            *("/health/pool", "/healthz", "/health//", "/health/db/x", "/livez/x", "/Health"),
        ],
    )
    def test_is_refused_to_a_host_that_is_not_allowed(self, client: Client, path: str) -> None:
        assert client.get(path, headers={"host": "10.42.8.201:8000"}).status_code == 400
        assert client.get(path, headers={"host": "testserver"}).status_code != 400


def asked_until(client: Client, status: int) -> Any:
    """Return the answer of /ready when it has this status: what it knows of writes may be a second old."""
    answer = client.get("/ready")
    return answer if answer.status_code == status else None


class TestReady:
    def test_a_reachable_database_is_ready(self, client: Client, django_pool: SharedPool) -> None:
        answer = client.get("/ready")

        assert answer.status_code == 200
        assert answer.json()["status"] == "ready"
        assert answer.json()["checks"] == {"database": "ok"}

    def test_a_full_pool_is_still_ready(self, client: Client, full_pool: SharedPool) -> None:
        answer = client.get("/ready")

        assert answer.status_code == 200
        assert answer.json()["checks"] == {"database": "pool_full"}

    def test_an_unreachable_database_is_not(self, client: Client, deaf_server: None) -> None:
        answer = client.get("/ready")

        assert answer.status_code == 503
        assert answer.json()["status"] == "not_ready"

    def test_a_database_that_takes_no_writes_is_not_until_it_takes_them_again(
        self, client: Client, django_pool: SharedPool, read_only: Callable[[str], None]
    ) -> None:
        read_only("on")

        answer = eventually(lambda: asked_until(client, 503))
        read_only("off")

        assert answer.json()["checks"] == {"database": "read_only"}
        # Without a restart: the pool was emptied, as after a write that was refused.
        assert eventually(lambda: asked_until(client, 200)).json()["checks"] == {"database": "ok"}

    def test_a_database_whose_disk_is_full_is_not_until_there_is_room(
        self, client: Client, django_pool: SharedPool, disk: FullDisk
    ) -> None:
        disk.fill(backend_pid())

        answer = eventually(lambda: asked_until(client, 503))
        is_reached = client.get("/health/db").status_code == 200
        disk.make_room()

        assert answer.json()["checks"] == {"database": "out_of_resources"}
        assert is_reached
        assert eventually(lambda: asked_until(client, 200)).json()["checks"] == {"database": "ok"}

    def test_a_full_disk_is_not_though_the_pool_is_full_too(
        self, client: Client, django_pool: SharedPool, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readiness, "WRITES_ASKED_EVERY_SECONDS", 0.0)
        disk.fill(backend_pid())
        eventually(lambda: asked_until(client, 503))

        with held(django_pool):
            answer = client.get("/ready")
        disk.make_room()

        assert answer.json()["checks"] == {"database": "out_of_resources"}
        assert client.get("/ready").status_code == 200

    def test_a_crowd_that_asks_does_not_write_each_time(
        self, django_pool: SharedPool, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readiness, "WRITES_ASKED_EVERY_SECONDS", 3600.0)
        asked = readiness.Readiness()

        first = asked.fault()
        disk.fill(backend_pid())

        assert [first, asked.fault()] == [None, None]

    def test_a_server_that_limits_temporary_files_is_ready(
        self, client: Client, django_pool: SharedPool, outside: psycopg.Connection[Any]
    ) -> None:
        name = sql.Identifier(connection.settings_dict["NAME"])
        outside.execute(sql.SQL("ALTER DATABASE {} SET temp_file_limit = 0").format(name))

        checked = db.check_writes(5.0)
        outside.execute(sql.SQL("ALTER DATABASE {} RESET temp_file_limit").format(name))
        django_pool.drain()

        assert checked > 0


def test_a_killed_backend_is_one_bad_answer_at_most(
    client: Client,
    django_pool: SharedPool,
    kill: Callable[[int], None],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    connection.close()
    kill(pid)

    client.get("/health/db")

    assert client.get("/health/db").status_code == 200
