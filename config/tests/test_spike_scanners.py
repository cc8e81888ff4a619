"""The demo's scanners: each answer is judged, and whatever happens to a connection, they go on."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from analytics.spike import clients, scanners
from analytics.spike.tally import Tally
from config.tests.service import free_port

Respond = Callable[[int], bytes | None]


def answer(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


RIGHT = answer(json.dumps({"isValid": True, "outcome": "admitted"}))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Tally:
    """What the scanners of this process say that they saw."""
    total = Tally()
    monkeypatch.setattr(scanners, "_say", lambda line: total.add(Tally.from_json(json.loads(line))))
    return total


def show(respond: Respond, *, seconds: float = 0.5) -> list[bytes]:
    """Let one scanner show new tickets to a server that answers so; return what it sent."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            head = await reader.readuntil(b"\r\n\r\n")
            [length] = [
                line.split(b": ")[1] for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
            ]
            received.append(head + await reader.readexactly(int(length)))
            said = respond(len(received))
            if said is None:
                break
            writer.write(said)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            await scanners.run(url, "the-key", range(1), seconds, is_mixed=False)

    asyncio.run(main())
    return received


class TestAScanner:
    def test_shows_the_next_ticket_when_the_last_was_answered(self, told: Tally) -> None:
        sent = show(lambda _: RIGHT)

        assert told.faults == Counter()
        assert told.outcomes["admitted"] == told.latencies.total() == len(sent) > 1
        assert all(b"X-Service-Key: the-key\r\n" in each for each in sent)
        bodies = [json.loads(each.split(b"\r\n\r\n", 1)[1]) for each in sent]
        assert len({body["qr_text"] for body in bodies}) == len(bodies)

    def test_reads_an_answer_that_comes_in_pieces(self, told: Tally) -> None:
        halves: dict[str, Any] = {}

        def respond(number: int) -> bytes:
            halves.setdefault("seen", number)
            return RIGHT[:25] + RIGHT[25:]

        show(respond)

        assert told.outcomes["admitted"] > 1

    @pytest.mark.parametrize(
        ("said", "fault"),
        [
            (answer("{}", "503 Service Unavailable"), "status 503"),
            (answer("<h1>"), "status 200, not JSON"),
            (answer('{"isValid": false}'), "isValid=False for a genuine ticket"),
            (None, "no answer: the connection was closed"),
        ],
    )
    def test_counts_what_is_wrong_and_goes_on(self, told: Tally, said: bytes | None, fault: str) -> None:
        show(lambda number: said if number == 1 else RIGHT)

        assert told.faults == {fault: 1}
        assert told.outcomes["admitted"] > 0

    def test_gives_up_an_answer_that_does_not_come(
        self, told: Tally, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scanners, "PATIENCE_SECONDS", 0.1)

        show(lambda number: b"" if number == 1 else RIGHT, seconds=1.0)

        assert told.faults == {"no answer in 0.1 s": 1}
        assert told.outcomes["admitted"] > 0

    def test_ends_where_nobody_listens(self, told: Tally) -> None:
        url = f"http://127.0.0.1:{free_port()}"

        asyncio.run(scanners.run(url, "the-key", range(1), 0.1, is_mixed=False))

        assert set(told.faults) == {"no connection: ConnectionRefusedError"}


class TestClients:
    def test_that_cannot_begin_are_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Their processes read the settings.
        monkeypatch.setenv("WEB_WORKERS", "many")

        with pytest.raises(clients.ClientsFailed):
            clients.send(url="http://127.0.0.1:9", service_key="", clients=1, seconds=0.1)
