"""Downloads: who gets a file, what is logged, and what a slow client costs."""

import re
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from analytics.models import Event
from config.tests.service import serving
from core.embedded import EmbeddedPostgres
from core.tests.fixtures import eventually
from reports import downloads, permissions, store
from reports.models import Download, GeneratedReport, ReportState
from reports.tests.conftest import LODZ, NOW
from reports.tests.staff import forbid, member

BIG_BYTES = 50 * 1024 * 1024
SLOW_CLIENTS = 50


@pytest.fixture
def fresh(made: GeneratedReport) -> GeneratedReport:
    """Made, and not expired today."""
    GeneratedReport.objects.update(expires_at=timezone.now() + timedelta(days=1))
    made.refresh_from_db()
    return made


def address(generated: GeneratedReport) -> str:
    return f"/admin/reports/{generated.pk}/download/"


@pytest.fixture
def browser(client: Client, seller: User) -> Client:
    client.force_login(seller)
    return client


class TestADownload:
    def test_brings_the_file_under_a_safe_name(
        self, browser: Client, fresh: GeneratedReport, storage_folder: Path
    ) -> None:
        response = browser.get(address(fresh))

        assert response.getvalue() == (storage_folder / fresh.file_name).read_bytes()
        response.close()
        assert response["Content-Disposition"] == f'attachment; filename="{fresh.file_name}"'
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert response["Content-Length"] == str(fresh.size_bytes)
        assert response["ETag"] == f'"{fresh.sha256}"'
        assert response["Cache-Control"].startswith("private, no-store")
        assert response["X-Content-Type-Options"] == "nosniff"

    def test_is_logged_before_its_first_byte(
        self, browser: Client, fresh: GeneratedReport, seller: User
    ) -> None:
        response = browser.get(address(fresh))

        logged = Download.objects.get()
        assert (logged.user, logged.generated_report, logged.sha256) == (seller, fresh, fresh.sha256)
        response.close()

    def test_frees_its_place_however_it_ends(
        self, browser: Client, fresh: GeneratedReport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(downloads, "_places", BoundedSemaphore(1))

        for _ in range(3):
            response = browser.get(address(fresh))
            next(iter(response))
            response.close()

        assert downloads._places.acquire(blocking=False)


class TestADownloadIsRefused:
    def test_to_a_stranger(self, client: Client, fresh: GeneratedReport) -> None:
        response = client.get(address(fresh))

        assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/admin/login/")

    def test_without_the_permission_of_this_report(
        self, browser: Client, fresh: GeneratedReport, seller: User
    ) -> None:
        forbid(seller, permissions.to_download("daily-sales"))

        assert browser.get(address(fresh)).status_code == 403
        assert not Download.objects.exists()

    def test_to_those_who_may_see_other_events(
        self, client: Client, fresh: GeneratedReport, lodz: Event
    ) -> None:
        client.force_login(member("lodz-desk", "daily-sales", events=(lodz,)))

        assert client.get(address(fresh)).status_code == 403

        GeneratedReport.objects.update(parameters={**fresh.parameters, "event_ids": [LODZ]})
        response = client.get(address(fresh))
        assert response.status_code == 200
        response.close()

    @pytest.mark.parametrize("method", ["post", "put", "delete"])
    def test_by_another_method(self, browser: Client, fresh: GeneratedReport, method: str) -> None:
        assert getattr(browser, method)(address(fresh)).status_code == 405

    def test_of_a_report_that_nobody_made(self, browser: Client, fresh: GeneratedReport) -> None:
        assert browser.get(f"/admin/reports/{uuid.uuid4()}/download/").status_code == 404

    @pytest.mark.parametrize("state", [ReportState.QUEUED, ReportState.MAKING, ReportState.FAILED])
    def test_while_it_is_not_made(self, browser: Client, fresh: GeneratedReport, state: ReportState) -> None:
        GeneratedReport.objects.update(state=state)

        assert browser.get(address(fresh)).status_code == 409

    @pytest.mark.parametrize("change", [{"state": ReportState.EXPIRED, "file_name": ""}, {"expires_at": NOW}])
    def test_after_it_expired(self, browser: Client, fresh: GeneratedReport, change: dict[str, Any]) -> None:
        GeneratedReport.objects.update(**change)

        response = browser.get(address(fresh))

        assert response.status_code == 410
        assert b"made again" in response.content

    def test_when_its_file_is_missing(self, browser: Client, fresh: GeneratedReport) -> None:
        store.delete_file(fresh.file_name)

        assert browser.get(address(fresh)).status_code == 410
        assert not Download.objects.exists()

    @pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd"])
    def test_when_its_row_names_a_path(self, browser: Client, fresh: GeneratedReport, name: str) -> None:
        GeneratedReport.objects.update(file_name=name)

        assert browser.get(address(fresh)).status_code == 400
        assert not Download.objects.exists()

    def test_when_too_many_read_at_once(
        self, browser: Client, fresh: GeneratedReport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(downloads, "_places", BoundedSemaphore(1))
        first = browser.get(address(fresh))

        second = browser.get(address(fresh))

        assert (second.status_code, second["Retry-After"]) == (503, "10")
        first.close()


@pytest.fixture
def big(fresh: GeneratedReport, storage_folder: Path) -> GeneratedReport:
    """A report with a file of 50 MB, more than any buffer on the way holds."""
    with (storage_folder / fresh.file_name).open("wb") as file:
        file.truncate(BIG_BYTES)
    GeneratedReport.objects.update(size_bytes=BIG_BYTES)
    return fresh


@pytest.fixture
def server(
    postgres: EmbeddedPostgres, storage_folder: Path, tmp_path: Path, transactional_db: None
) -> Iterator[tuple[str, int]]:
    """One worker of the service, on the test database."""
    with serving(postgres, log=tmp_path / "service.log", REPORT_STORAGE=str(storage_folder)) as port:
        yield "127.0.0.1", port


def pool_of(port: int) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = httpx.get(f"http://127.0.0.1:{port}/health/db", timeout=5).json()
    except httpx.TransportError:
        return None
    return answer


def begin(server: tuple[str, int], generated: GeneratedReport, cookie: str) -> socket.socket:
    """Ask for the file, read a kilobyte of it, and no more."""
    client = socket.create_connection(server, timeout=30)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = f"GET {address(generated)} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid={cookie}\r\n\r\n"
    client.sendall(request.encode())
    beginning = client.recv(1024)
    assert re.match(rb"HTTP/1.1 200 ", beginning), beginning
    return client


class TestSlowClients:
    def test_hold_no_connection_of_the_pool(
        self, server: tuple[str, int], big: GeneratedReport, browser: Client
    ) -> None:
        cookie = browser.cookies["sessionid"].value

        with ExitStack() as clients:
            for _ in range(SLOW_CLIENTS):
                clients.enter_context(begin(server, big, cookie))
            pool = pool_of(server[1])

            assert pool is not None
            # The one of the health check itself is back before it counts.
            assert (pool["status"], pool["checked_out"]) == ("ok", 0)
            assert Download.objects.count() == SLOW_CLIENTS

    def test_who_leave_free_their_places(
        self, server: tuple[str, int], big: GeneratedReport, browser: Client
    ) -> None:
        cookie = browser.cookies["sessionid"].value
        places = django_settings.WEB_DOWNLOADS

        for _ in range(places + 2):
            begin(server, big, cookie).close()
        # A client that has gone is noticed as it is written to.
        eventually(lambda: is_served(server, big, cookie))


def is_served(server: tuple[str, int], generated: GeneratedReport, cookie: str) -> bool:
    host, port = server
    with httpx.stream(
        "GET", f"http://{host}:{port}{address(generated)}", cookies={"sessionid": cookie}, timeout=10
    ) as answer:
        return answer.status_code == 200
