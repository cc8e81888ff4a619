"""
The scanners of one process: `python -m analytics.spike.scanners`, which `clients` starts.

Each has one connection that it keeps, shows the next ticket when the last was answered, and judges it.
What they saw goes to standard output, in lines of JSON. They begin when standard input says so.
"""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import django

django.setup()

from analytics.spike.scan_requests import ScanRequest, fresh_requests, scan_requests  # noqa: E402
from analytics.spike.tally import Tally  # noqa: E402

PATIENCE_SECONDS = 5.0
TELL_SECONDS = 0.25
RETRY_SECONDS = 0.05
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = (
    "POST /validate-qr HTTP/1.1\r\nHost: {host}\r\nX-Service-Key: {key}\r\nContent-Type: application/json\r\n"
)


class Scanner(asyncio.Protocol):
    """
    One gate's scanner.

    Args:
        address: of the service, a host and a port.
        head: what each request begins with.
        requests: what it shows, without end.
        tally: what it saw, with the others of this process.
        until: when it shows no more, in monotonic seconds.
    """

    def __init__(
        self,
        address: tuple[str, int],
        head: bytes,
        requests: Iterator[ScanRequest],
        tally: Tally,
        until: float,
    ) -> None:
        self._address, self._head, self._requests = address, head, requests
        self._tally, self._until = tally, until
        self._transport: Any = None
        self._received = b""
        self._request: ScanRequest | None = None
        self._begun = 0.0
        self.is_over = False

    async def connect(self) -> None:
        """Open the connection; where nobody listens, try again until the time is up."""
        loop = asyncio.get_running_loop()
        while not self.is_over:
            try:
                await asyncio.wait_for(loop.create_connection(lambda: self, *self._address), PATIENCE_SECONDS)
            except (OSError, TimeoutError) as error:
                self._tally.faults[f"no connection: {type(error).__name__}"] += 1
                await asyncio.sleep(RETRY_SECONDS)
                self.is_over = monotonic() >= self._until
            else:
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._received = transport, b""
        self._show()

    def _show(self) -> None:
        self._begun = monotonic()
        if self._begun >= self._until:
            self.is_over = True
            self._transport.close()
            return
        self._request = next(self._requests)
        body = self._request.body
        self._transport.write(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        length = _LENGTH.search(self._received, 0, head_end) if head_end > 0 else None
        if length is None or len(self._received) < head_end + 4 + int(length[1]):
            return
        answer, self._received = self._received, b""
        self._tally.note(monotonic() - self._begun)
        self._judge(int(answer[9:12]), answer[head_end + 4 :])
        self._show()

    def _judge(self, status: int, text: bytes) -> None:
        request, self._request = self._request, None
        if request is None:
            return
        try:
            fault = request.fault(status, json.loads(text))
        except ValueError:
            fault = f"status {status}, not JSON"
        if fault:
            self._tally.faults[fault] += 1
        else:
            self._tally.outcomes[request.kind.value] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._request is not None:
            self._lose("no answer: the connection was closed")
        if not self.is_over:
            asyncio.get_running_loop().create_task(self.connect())

    def look_at(self, now: float) -> None:
        """Give up an answer that does not come."""
        if self._request is not None and now - self._begun > PATIENCE_SECONDS:
            self._lose(f"no answer in {PATIENCE_SECONDS:g} s")
            self._transport.abort()

    def _lose(self, what: str) -> None:
        self._request = None
        self._tally.faults[what] += 1


async def run(url: str, key: str, numbers: range, seconds: float, *, is_mixed: bool) -> None:
    """Let these scanners work for so long; print what they saw."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    head = _HEAD.format(host=parts.netloc, key=key).encode()
    tally, until = Tally(), monotonic() + seconds
    scanners = [
        Scanner(address, head, scan_requests(number) if is_mixed else fresh_requests(), tally, until)
        for number in numbers
    ]
    work = [asyncio.create_task(scanner.connect()) for scanner in scanners]
    while not all(scanner.is_over for scanner in scanners):
        await asyncio.sleep(TELL_SECONDS)
        now = monotonic()
        for scanner in scanners:
            scanner.look_at(now)
        _tell(tally)
    await asyncio.gather(*work)
    _tell(tally)


def _tell(tally: Tally) -> None:
    _say(json.dumps(tally.as_json()))
    for counter in (tally.outcomes, tally.faults, tally.latencies):
        counter.clear()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the arguments, say that it is ready, wait for the word, begin."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument(
        "--numbers", type=int, nargs=2, required=True, help="of the first, and after the last"
    )
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--fresh", action="store_true", help="only tickets that nobody showed before")
    given = parser.parse_args()
    _say("ready")
    sys.stdin.readline()
    key = os.environ["SPIKE_SERVICE_KEY"]
    asyncio.run(run(given.url, key, range(*given.numbers), given.seconds, is_mixed=not given.fresh))


if __name__ == "__main__":
    main()
