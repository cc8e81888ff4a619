"""The running service: whatever strangers and staff hold, scans and probes are answered (G4, G5, G6, G7)."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connection

from analytics import qr
from config.tests.service import answer_to, begin, say, scan, serving
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.tests.fixtures import eventually

pytestmark = pytest.mark.real_pool

# More than there are threads of any kind.
MANY = 12
FORM = "Cookie: csrftoken=abcdefghijklmnopqrstuvwxyz012345\nContent-Type: application/x-www-form-urlencoded"
KEY = f"X-Service-Key: {settings.SERVICE_API_KEY}\nContent-Type: application/json"
PROBES = ("/health", "/livez/", "/ready", "/health/db")


@pytest.fixture(scope="module")
def service(
    django_db_setup: None, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of the service, with two threads of each kind."""
    log = tmp_path_factory.mktemp("service") / "service.log"
    with serving(postgres, log=log, WEB_THREADS="2", WEB_STAFF_THREADS="2", WEB_DOWNLOADS="2") as port:
        yield port


@pytest.fixture
def port(django_pool: SharedPool, service: int) -> int:
    """The same, on tables that are empty."""
    return service


def ticket(number: int) -> str:
    return qr.sign({"ticket_id": f"TKT-{number}", "event": "Tonight", "user": "guest"})


def get(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10)


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ticket_scans")
        return int(cursor.fetchone()[0])


def assert_serves(port: int) -> None:
    for number in range(MANY):
        assert scan(port, ticket(number)).status_code == 200
    for path in PROBES:
        assert get(port, path).status_code == 200


class TestABodyThatNeverEnds:
    @pytest.mark.parametrize(
        "head",
        [
            f"POST /admin/login/ HTTP/1.1\n{FORM}",
            f"POST / HTTP/1.1\n{FORM}",
            f"POST /health HTTP/1.1\n{FORM}",
            f"POST /validate-qr HTTP/1.1\n{KEY}",
            f"POST /generate-qr HTTP/1.1\n{KEY}",
        ],
        ids=["login", "start page", "health", "scan", "tool"],
    )
    @pytest.mark.parametrize("length", ["Content-Length: 2000", "Transfer-Encoding: chunked"])
    def test_holds_no_thread(self, port: int, head: str, length: str) -> None:
        with ExitStack() as clients:
            for _ in range(MANY):
                clients.enter_context(begin(port, f"{head}\n{length}", b"5\r\nhello\r\n"))

            assert_serves(port)

    def test_ends_at_a_scans_deadline(self, port: int) -> None:
        with begin(
            port, f"POST /validate-qr HTTP/1.1\n{KEY}\nX-Scan-Timeout: 0.5\nContent-Length: 9"
        ) as slow:
            answer = answer_to(slow)

        assert answer.startswith("HTTP/1.1 503 ")
        assert '"too_late"' in answer


class TestARequestWithoutTheKey:
    def test_is_answered_before_its_body_is_read(self, port: int) -> None:
        with begin(port, "POST /validate-qr HTTP/1.1\nContent-Length: 1000000000", b"{") as stranger:
            answer = answer_to(stranger)

        assert answer.startswith("HTTP/1.1 401 ")
        # Nobody could tell the next request from the rest of this one.
        assert "connection: close" in answer


class TestALargeBody:
    def test_is_refused_before_it_is_read(self, port: int) -> None:
        with begin(port, f"POST /validate-qr HTTP/1.1\n{KEY}\nContent-Length: 65537", b"{") as client:
            answer = answer_to(client)

        assert answer.startswith("HTTP/1.1 413 ")
        assert "65,536 bytes" in json.loads(answer.partition("\r\n\r\n")[2])["detail"]

    def test_without_a_length_is_refused_where_it_is_too_large(self, port: int) -> None:
        answer = httpx.post(
            f"http://127.0.0.1:{port}/validate-qr",
            content=(b"x" * 10_000 for _ in range(7)),
            headers={"X-Service-Key": settings.SERVICE_API_KEY},
        )

        assert answer.status_code == 413


class TestAChunkedBody:
    def test_is_read(self, port: int) -> None:
        body = json.dumps({"qr_text": ticket(1)}).encode()

        answer = httpx.post(
            f"http://127.0.0.1:{port}/validate-qr",
            content=(body[start : start + 10] for start in range(0, len(body), 10)),
            headers={"X-Service-Key": settings.SERVICE_API_KEY},
        )

        assert (answer.status_code, answer.json()["outcome"]) == (200, "admitted")


class TestAScanThatCannotBeStoredInTime:
    def test_is_answered_by_its_deadline_and_stored_nowhere(
        self, port: int, postgres: EmbeddedPostgres, outside: psycopg.Connection[Any]
    ) -> None:
        with psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as locker:
            locker.execute("LOCK TABLE admissions")
            # Shorter than lock_timeout: it is the deadline that ends it, while the thread still waits.
            answers = [scan(port, ticket(number), patience=0.5) for number in range(2)]
            assert get(port, "/health").status_code == 200
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            locked_out = outside.execute(waiting).fetchone()
            locker.rollback()

        assert [(each.status_code, each.json()["reason"]) for each in answers] == [(503, "too_late")] * 2
        assert all(int(each.headers["Retry-After"]) > 0 for each in answers)
        assert locked_out != (0,)
        assert scan(port, ticket(1)).json()["outcome"] == "admitted"
        eventually(lambda: not outside.execute(waiting).fetchone()[0])  # type: ignore[index]
        assert stored() == 1


class TestManyPages:
    def test_that_are_stuck_leave_scans_and_probes_alone(self, port: int, postgres: EmbeddedPostgres) -> None:
        with psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as locker, ExitStack() as pages:
            locker.execute("LOCK TABLE django_session")
            for _ in range(MANY):
                pages.enter_context(begin(port, "GET /admin/ HTTP/1.1\nCookie: sessionid=abcdefgh"))

            assert_serves(port)


class TestTheServersLimits:
    def test_let_silent_connections_and_half_heads_wait_without_a_thread(self, port: int) -> None:
        with ExitStack() as clients:
            for _ in range(MANY * 4):
                clients.enter_context(say(port, b""))
                clients.enter_context(say(port, b"GET / HTTP/1.1\r\nHost: "))

            assert_serves(port)


class TestAnAddress:
    @pytest.mark.parametrize("path", ["/%ff%fe", "/admin/%00", "/validate-qr%2f", "//", "/admin/../health"])
    @pytest.mark.parametrize("query", ["", "?x=%ff", "?%00"])
    def test_that_nobody_expects_is_no_server_error(self, port: int, path: str, query: str) -> None:
        with begin(port, f"GET {path}{query} HTTP/1.1\nConnection: close") as client:
            status = int(answer_to(client).split(" ")[1])

        assert 200 <= status < 500


class TestManyLogins:
    def test_leave_the_gates_their_threads_and_their_processors(self, port: int) -> None:
        def log_in(number: int) -> int:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                client.get("/admin/login/")
                form = {"username": f"guess {number}", "password": "wrong"}
                token = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
                return client.post("/admin/login/", data={**form, **token}).status_code

        with ThreadPoolExecutor(30) as threads:
            answers = threads.map(log_in, range(30))
            assert_serves(port)

        assert set(answers) == {200, 429}
