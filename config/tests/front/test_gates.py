"""The short way of a scan and the way through Django give the same answer, byte for byte (S1 to S4, G4)."""

import asyncio
import json
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any

import pytest
from django.conf import settings

from analytics import qr
from analytics.models import Scan
from analytics.recorder import line
from config.front import gates
from config.front.door import FrontDoor
from config.front.handler import Handler
from core.pool import SharedPool

pytestmark = pytest.mark.real_pool

ID = "5B2C0A4E-52A1-4A1B-8D5C-3C6C5E6F7A80"
TICKET = qr.sign({"ticket_id": "TKT-1", "event": "Tonight", "user": "ada"})
Said = tuple[int, dict[str, str], bytes]


def body(**fields: Any) -> bytes:
    return json.dumps({"qr_text": TICKET, "scan_id": ID, **fields}).encode()


def scope(**headers: str) -> dict[str, Any]:
    given = {
        "host": "127.0.0.1",
        "content-type": "application/json",
        "x-service-key": settings.SERVICE_API_KEY,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return {
        "type": "http",
        "method": "POST",
        "path": "/validate-qr",
        "raw_path": b"/validate-qr",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "scheme": "http",
        "http_version": "1.1",
    }


def through_the_door(request: dict[str, Any], sent: bytes, *, has_length: bool = True) -> Said:
    """Send a request through the front door, as a server does."""
    said: list[Mapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message)

    if has_length:
        request = {**request, "headers": [*request["headers"], (b"content-length", str(len(sent)).encode())]}
    asyncio.run(FrontDoor()(request, receive, send))
    headers = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return said[0]["status"], headers, said[1]["body"]


def through_django(request: dict[str, Any], sent: bytes) -> Said:
    request = {**request, "headers": [*request["headers"], (b"content-length", str(len(sent)).encode())]}
    answer = Handler().answer(request, sent, {})
    return answer.status, {name.decode(): value.decode() for name, value in answer.headers}, answer.body


@pytest.fixture(autouse=True)
def _empty(django_pool: SharedPool) -> None:
    """A database that the recorder's thread sees, too."""


SHORT = {
    "all fields": body(gate="north", scanner_id="s-1", scanned_at="2025-06-01T20:00:00Z"),
    "an offset": body(scanned_at="2025-06-01T20:00:00.123456+02:00"),
    "a day in its week": body(scanned_at="2025-W22-7T20:00:00Z"),
    "only what is needed": body(),
    "an id in small letters": body(scan_id=ID.lower()),
    "no id": json.dumps({"qr_text": TICKET}).encode(),
    "more fields than there are": body(colour="red", more={"a": [1, None]}),
    "a field twice": body()[:-1] + b', "gate": "south"}',
    "spaces": b" \n" + body() + b"\r\n ",
    "the longest gate": body(gate="ä" * 64),
    "other letters": body(gate="Północ 北 😀"),
    "its event": body(event="Tonight"),
    "its event among others": body(event=["Matinee", "Tonight"]),
    "another event": body(event="Matinee"),
    "other events": body(event=["Matinee", "Late"]),
    "no event": body(event=None),
    "a forged code at another event": body(qr_text=TICKET.replace("TKT-1", "TKT-2"), event="Matinee"),
    "no ticket": body(qr_text="hello"),
    "an empty code": body(qr_text=""),
    "a long code": body(qr_text="x" * 5000),
    "a forged code": body(qr_text=TICKET.replace("TKT-1", "TKT-2")),
    "an unsigned code": body(qr_text='{"ticket_id": "TKT-1", "event": "Tonight"}'),
    "a NUL in the code": body(qr_text="a\x00b"),
}
LONG = {
    "a longer gate": body(gate="ä" * 65),
    "a longer scanner": body(scanner_id="x" * 65),
    "a NUL": body(gate="a\x00"),
    "an event without a name": body(event=""),
    "no events": body(event=[]),
    "a number for an event": body(event=[1]),
    "too many events": body(event=["a"] * 101),
    "a NUL in an event": body(event=["a\x00"]),
    "no gate": body(gate=None),
    "a number for a code": body(qr_text=12),
    "no code": json.dumps({"scan_id": ID}).encode(),
    "an id without dashes": body(scan_id=ID.replace("-", "")),
    "an id in braces": body(scan_id=f"{{{ID}}}"),
    "an empty id": body(scan_id=""),
    "a wrong id": body(scan_id="12"),
    "an instant without a zone": body(scanned_at="2025-06-01T20:00:00"),
    "no instant": body(scanned_at="tonight"),
    "a number for an instant": body(scanned_at=1_750_000_000),
    "an instant before the years": body(scanned_at="0001-01-01T00:00:00+14:00"),
    "no JSON": b"qr_text=1",
    "half of it": body()[:-1],
    "nothing": b"",
    "a list": b"[]",
    "a text": b'"a"',
    "null": b"null",
    "not a number": body()[:-1] + b', "more": NaN}',
    "bytes that are no text": body()[:-1] + b', "gate": "\xff"}',
    "half a character": body()[:-1] + b', "gate": "\\ud800"}',
    "a byte order mark": b"\xef\xbb\xbf" + body(),
}
HEADERS = {
    "a patience": {"x_scan_timeout": "2.5"},
    "no patience": {"x_scan_timeout": "0.1"},
    "a patience that is none": {"x_scan_timeout": "soon"},
    "digits in groups": {"x_scan_timeout": "1_0"},
    "another host": {"host": "evil.example"},
    "a port": {"host": "127.0.0.1:8000"},
    "another type": {"content_type": "text/plain"},
}


def same(answer: Said) -> Any:
    """Return an answer; where no id was given, each scan is another one: only its form."""
    status, headers, text = answer
    told = json.loads(text) if text.startswith(b"{") else {}
    if status == 200 and told["scan_id"] != ID.lower():
        return status, sorted(headers), sorted(told)
    return status, headers, text


@pytest.mark.parametrize("name", [*SHORT, *LONG])
class TestABody:
    def test_is_answered_the_same_on_both_ways(self, name: str) -> None:
        sent = {**SHORT, **LONG}[name]

        first, again = through_the_door(scope(), sent), through_django(scope(), sent)

        assert same(first) == same(again)

    def test_goes_the_short_way_when_it_is_certain(self, name: str) -> None:
        sent = {**SHORT, **LONG}[name]

        request = scope()

        found = gates.understood(request, dict(request["headers"]), sent)

        assert (found is not None) == (name in SHORT)


@pytest.mark.parametrize("name", HEADERS)
class TestAHeader:
    def test_is_answered_the_same_on_both_ways(self, name: str) -> None:
        request = scope(**HEADERS[name])

        assert through_the_door(request, body()) == through_django(request, body())


class TestAnError:
    def test_of_the_recorder_is_answered_as_django_does(self) -> None:
        first = through_the_door(scope(), body(gate="north"))

        assert first[0] == 200
        assert through_the_door(scope(), body(gate="south")) == through_django(scope(), body(gate="south"))
        assert through_the_door(scope(), body(gate="south"))[0] == 409

    def test_is_a_503_when_the_line_is_full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(line, "LONGEST", 0)

        status, headers, text = through_the_door(scope(), body())

        assert (status, json.loads(text)["reason"]) == (503, "overloaded")
        assert headers["Retry-After"] == "1"
        assert not Scan.objects.filter(pk=uuid.UUID(ID)).exists()


class TestABodyThatIsEmpty:
    def test_is_answered_the_same_in_chunks(self) -> None:
        status, _, text = through_the_door(scope(transfer_encoding="chunked"), b"", has_length=False)

        assert (status, text) == (422, through_django(scope(), b"")[2])
