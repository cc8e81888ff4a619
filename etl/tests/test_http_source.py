"""The upstream API is read page by page, patiently, from its own origin only; its token is never shown."""

import gzip
import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from etl.rows import Endpoint, Page
from etl.sources import SourceSpec, open_source
from etl.sources.backoff import retry_after_seconds
from etl.sources.contract import Source, SourceFailed
from etl.sources.requests import Requests
from etl.tests.upstream import Answer, Asked, Script, Upstream, in_turn, upstream
from etl.tests.upstream_rows import NOW, sent

TOKEN = "t0ken-that-nobody-may-see"
SALES = "/api/ticket-sales"


def source_of(server: Upstream, **spec: Any) -> Source:
    return open_source(SourceSpec(address=server.url, token=TOKEN, **spec))


def read(script: Script, **spec: Any) -> tuple[list[Page], Upstream]:
    """Return the pages of sales that `script` serves, and the server that was asked."""
    with upstream(script) as server:
        source = source_of(server, **spec)
        try:
            return list(source.pages(Endpoint.SALES)), server
        finally:
            source.close()


def failure(script: Script, *, total_seconds: float = 10.0) -> str:
    """Return the message with which a request fails."""
    with (
        upstream(script) as server,
        Requests(server.url, authorization=f"Bearer {TOKEN}", total_seconds=total_seconds) as requests,
        pytest.raises(SourceFailed) as failed,
    ):
        requests.get("ticket-sales")
    return str(failed.value)


def numbered(last: int) -> Script:
    """Serve pages 1 to `last`, one sale on each."""

    def answer(asked: Asked) -> Answer:
        page = int(asked.parameters["page"])
        return Answer({"data": [sent(sale_id=page)], "pagination": {"page": page, "total_pages": last}})

    return answer


class TestPages:
    def test_come_one_after_the_other_with_their_references(self) -> None:
        pages, _ = read(numbered(3))

        assert [page.rows[0][0] for page in pages] == ["1", "2", "3"]
        assert [(page.reference, page.page_total) for page in pages] == [("1", 3), ("2", 3), ("3", 3)]
        assert pages[0].first_at == pages[0].cursor_at == datetime(2026, 5, 31, 19, 30, tzinfo=UTC)

    def test_begin_where_an_interrupted_run_stopped(self) -> None:
        with upstream(numbered(3)) as server:
            pages = list(source_of(server).pages(Endpoint.SALES, resume="2"))

        assert [page.reference for page in pages] == ["2", "3"]

    def test_ask_with_bearer_token_since_and_page(self) -> None:
        with upstream(numbered(2)) as server:
            list(source_of(server, page_size=50).pages(Endpoint.SALES, since=NOW))

        parameters = {"since": "2026-06-01T12:00:00+00:00", "limit": "50"}
        bearer = f"Bearer {TOKEN}"
        assert server.asked == [Asked(SALES, {"page": number, **parameters}, bearer) for number in ("1", "2")]

    def test_of_events_have_events(self) -> None:
        with upstream(lambda _: Answer([{"id": "EV", "title": "Tonight"}, {}])) as server:
            (page,) = source_of(server).pages(Endpoint.EVENTS)

        assert (page.rows[0][:2], len(page.rejections)) == (("EV", "Tonight"), 1)
        assert server.asked[0].path == "/api/events"

    @pytest.mark.parametrize(
        "following", ["{base}/ticket-sales?cursor=b", "/api/ticket-sales?cursor=b", "?cursor=b"]
    )
    def test_follow_a_url_of_the_same_origin(self, following: str) -> None:
        def script(asked: Asked) -> Answer:
            if "cursor" in asked.parameters:
                return Answer({"items": [sent(sale_id="b")]})
            return Answer({"items": [sent()], "next_page": following.format(base=server.url)})

        with upstream(script) as server:
            pages = list(source_of(server).pages(Endpoint.SALES))

        assert [page.rows[0][0] for page in pages] == ["S-1", "b"]
        assert {asked.authorization for asked in server.asked} == {f"Bearer {TOKEN}"}

    @pytest.mark.parametrize("following", ["{other}/ticket-sales?page=2", "//{host}/api/ticket-sales"])
    def test_never_send_the_token_to_another_origin(self, following: str) -> None:
        with upstream(numbered(1)) as other:
            where = following.format(other=other.url, host=other.url.split("/")[2])
            with pytest.raises(SourceFailed, match="another origin"):
                read(lambda _: Answer({"data": [], "next_page": where}))

        assert other.asked == []

    def test_that_are_not_pages_are_refused(self) -> None:
        with pytest.raises(SourceFailed, match=r"not JSON.*is the base URL right"):
            read(lambda _: Answer(b"<html>"))

    def test_lose_no_row_to_one_that_cannot_be_read(self) -> None:
        (page,), _ = read(lambda _: Answer([sent(), 7, sent(quantity=-1)]))

        assert len(page.rows) == 1
        assert [row.payload for row in page.rejections] == [7, sent(quantity=-1)]


class TestPatience:
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_asks_a_busy_server_again(self, status: int) -> None:
        pages, server = read(in_turn(Answer(status=status), Answer([sent()])))

        assert (len(pages), server.pages_asked(SALES)) == (1, ["1", "1"])

    def test_waits_as_long_as_retry_after_says(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, "etl"):
            read(in_turn(Answer(status=429, headers={"Retry-After": "1"}), Answer([sent()])))

        assert "answered 429 Too Many Requests: trying again in 1.0 s" in caplog.text

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("0", 0.0),
            ("120", 120.0),
            (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
            (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
            ("", None),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
        ],
    )
    def test_reads_seconds_and_dates(self, header: str, seconds: float | None) -> None:
        assert retry_after_seconds(header, now=NOW) == seconds

    def test_gives_up_at_once_when_the_server_asks_for_more_than_there_is(self) -> None:
        message = failure(in_turn(Answer(status=503, headers={"Retry-After": "3600"})))

        assert (
            "answered 503 Service Unavailable, asks to wait (Retry-After: 3600): given up after 1 try"
            in message
        )
        assert "may take 10 s in all" in message

    def test_gives_up_when_the_total_is_over(self) -> None:
        assert "run again later" in failure(in_turn(Answer(status=500)), total_seconds=0.2)

    def test_tries_a_server_again_that_cannot_be_reached(self) -> None:
        with upstream(numbered(1)) as server:
            pass
        with Requests(server.url, total_seconds=0.2) as requests, pytest.raises(SourceFailed) as failed:
            requests.get("events")

        assert "did not answer: ConnectError" in str(failed.value)

    def test_ends_when_the_source_is_closed(self) -> None:
        is_asked, ended = threading.Event(), threading.Event()

        def script(_: Asked) -> Answer:
            is_asked.set()
            return Answer(status=429, headers={"Retry-After": "60"})

        def ask(requests: Requests) -> None:
            with pytest.raises(SourceFailed, match="the source is closed"):
                requests.get("events")
            ended.set()

        with upstream(script) as server, Requests(server.url) as requests:
            asking = threading.Thread(target=ask, args=(requests,), daemon=True)
            asking.start()
            is_asked.wait()
            requests.close()

            # Far less than the server asked for: a wait that goes on fails here instead of hanging.
            assert ended.wait(30)


class TestRefusal:
    @pytest.mark.parametrize(
        ("status", "cure"),
        [
            (401, "the token was refused: set ETL_SOURCE_TOKEN"),
            (403, "the token may not read this"),
            (404, "no such address: is the base URL right?"),
            (400, "Bad Request"),
            (304, "Not Modified"),
        ],
    )
    def test_is_reported_at_once_with_the_cure(self, status: int, cure: str) -> None:
        message = failure(in_turn(Answer(status=status)))

        assert f"/api/ticket-sales answered {status}: {cure}" in message

    def test_of_a_page_that_is_too_large(self) -> None:
        with (
            upstream(lambda _: Answer(b"x" * 2000)) as server,
            Requests(server.url, maximum_bytes=1000) as requests,
            pytest.raises(SourceFailed, match=r"more than 1000 bytes in one page.*--page-size"),
        ):
            requests.get("events")

    def test_of_a_small_page_that_is_large_unpacked(self) -> None:
        packed = Answer(gzip.compress(b"x" * 1_000_000), headers={"Content-Encoding": "gzip"})
        with (
            upstream(lambda _: packed) as server,
            Requests(server.url, maximum_bytes=10_000) as requests,
            pytest.raises(SourceFailed, match="more than 10000 bytes"),
        ):
            requests.get("events")


class TestRedirect:
    def test_is_followed_on_the_same_origin(self) -> None:
        pages, server = read(
            in_turn(Answer(status=301, headers={"Location": "moved?page=1"}), Answer([sent()]))
        )

        assert (len(pages), server.asked[1].path) == (1, "/api/moved")

    def test_is_not_followed_to_another(self) -> None:
        with upstream(numbered(1)) as other:
            message = failure(
                in_turn(Answer(status=302, headers={"Location": f"{other.url}/x?token=s3cret"}))
            )

        assert other.asked == []
        assert "another origin" in message
        assert "s3cret" not in message

    def test_ends_after_a_few(self) -> None:
        message = failure(in_turn(Answer(status=302, headers={"Location": "ticket-sales"})))

        assert "redirected 5 times" in message


class TestAddress:
    @pytest.mark.parametrize(
        ("address", "message"),
        [
            ("", "set ETL_SOURCE_URL"),
            ("https://", "not a URL such as"),
            ("https://[::1", "not a URL such as"),
            ("https://ada:hunter2@tickets.example/api", "leave user and password out"),
            ("https://tickets.example/api?token=hunter2", "ends before the"),
        ],
    )
    def test_that_cannot_be_right_is_refused_without_its_secrets(self, address: str, message: str) -> None:
        with pytest.raises(SourceFailed, match=message) as refused:
            open_source(SourceSpec(address=address))

        assert "hunter2" not in str(refused.value)

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ({"name": "x" * 65}, "at most 64 printable characters"),
            ({"page_size": 0}, "use 1 or more"),
            ({"currency": "euro"}, "currency: 'euro' is not a currency code"),
            ({"timezone": "Lagos"}, "timezone: 'Lagos' is not an IANA time zone"),
            ({"token": "two\nlines"}, "ETL_SOURCE_TOKEN"),
        ],
    )
    def test_with_a_wrong_setting_is_refused(self, spec: dict[str, Any], message: str) -> None:
        with pytest.raises(SourceFailed, match=message):
            open_source(SourceSpec(address="https://tickets.example", **spec))


class TestToken:
    def test_is_in_no_repr_error_or_log(self, caplog: pytest.LogCaptureFixture) -> None:
        spec = SourceSpec(address="https://tickets.example", token=TOKEN)
        with caplog.at_level(logging.DEBUG):
            message = [failure(in_turn(Answer(status=429), Answer(status=401))), repr(spec)]

        assert TOKEN not in "".join([*message, caplog.text])


class TestCheck:
    def test_says_what_worked(self) -> None:
        with upstream(lambda _: Answer([sent(), 7])) as server:
            lines = list(source_of(server).check())

        assert lines == [
            f"{server.url}/events: 2 rows in the first page, 1 of them rejected",
            f"{server.url}/ticket-sales: 2 rows in the first page, 1 of them rejected",
        ]

    def test_stops_at_what_did_not(self) -> None:
        with upstream(lambda asked: Answer([], status=401 if "sales" in asked.path else 200)) as server:
            lines = source_of(server).check()
            first = next(lines)
            with pytest.raises(SourceFailed, match="token was refused"):
                next(lines)

        assert first.endswith("/events: 0 rows in the first page")
