"""
The honest side, in a process of its own: `python -m benchmarks.siege.scanners` writes what it was answered.

Each of 40 scanners shows another ticket four times a second, on one connection that is kept alive, gives up
after 5 s, and goes on with the next; what was lost with a connection it sends again, with the same scan_id.
Beside them, one probe for each address of monitoring.
"""

import argparse
import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from time import monotonic, time
from typing import Any
from uuid import uuid4

PATIENCE = 5.0
INTERVAL = 0.25
PROBE_INTERVAL = 0.25
PROBES = ("/health", "/health/db", "/ready")

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def exchange(
    port: int, connection: Connection | None, head: str, body: bytes = b""
) -> tuple[int, bytes, Connection | None]:
    """Send a request, on a new connection where there is none; return status, body and the connection."""
    reader, writer = connection or await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{head}Host: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        fields = dict(line.split(b": ", 1) for line in answer.split(b"\r\n")[1:] if b": " in line)
        text = await reader.readexactly(int(fields.get(b"content-length", b"0")))
    except BaseException:
        writer.close()
        raise
    if fields.get(b"connection") == b"close":
        writer.close()
        return int(answer.split()[1]), text, None
    return int(answer.split()[1]), text, (reader, writer)


class Scanner:
    """One gate's."""

    def __init__(self, port: int, sign: Callable[[str], str], note: Callable[..., None]) -> None:
        self._port, self._sign, self._note = port, sign, note
        self._connection: Connection | None = None

    async def scan(self) -> None:
        """Show a ticket nobody showed before; note what came back."""
        scan_id = str(uuid4())
        body = json.dumps({"qr_text": self._sign(f"TKT-{scan_id}"), "scan_id": scan_id}).encode()
        key = os.environ["SERVICE_API_KEY"]
        head = (
            f"POST /validate-qr HTTP/1.1\r\nX-Service-Key: {key}\r\nContent-Type: application/json\r\n"
            f"X-Scan-Timeout: {PATIENCE}\r\n"
        )
        begun = time()
        try:
            said = await asyncio.wait_for(self._until_answered(head, body), PATIENCE)
        except TimeoutError:
            said = "no answer"
        self._note(scan=scan_id, begun=begun, ended=time(), said=said)

    async def _until_answered(self, head: str, body: bytes) -> str:
        """Send it again where the connection was lost: with its scan_id it is the same scan."""
        while True:
            kept, self._connection = self._connection, None
            try:
                status, text, self._connection = await exchange(self._port, kept, head, body)
                return _what(status, text)
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)


def _what(status: int, text: bytes) -> str:
    with suppress(ValueError):
        body = json.loads(text)
        return str(body.get("outcome") or body.get("status")) if status == 200 else f"{status} {_why(body)}"
    return str(status)


def _why(body: dict[str, Any]) -> str:
    return str(body.get("reason") or body.get("detail") or "")


async def probe(port: int, path: str, note: Callable[..., None]) -> None:
    """Ask once, as a monitor does, on a connection of its own."""
    begun = time()
    try:
        status, _, connection = await asyncio.wait_for(
            exchange(port, None, f"GET {path} HTTP/1.1\r\n"), PATIENCE
        )
        if connection:
            connection[1].close()
        said = str(status)
    except TimeoutError:
        said = "no answer"
    except (OSError, asyncio.IncompleteReadError) as error:
        said = type(error).__name__
    note(probe=path, begun=begun, ended=time(), said=said)


async def every(seconds: float, until: float, delay: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do something each `seconds`, or at once where it took longer, until a moment in monotonic seconds."""
    due = monotonic() + delay
    while due < until:
        await asyncio.sleep(max(0.0, due - monotonic()))
        await work()
        due = max(due + seconds, monotonic())


async def run(port: int, count: int, seconds: float, *, interval: float, probes: bool) -> None:
    """Say that it begins, scan, and probe, for so long; print each answer as a line of JSON."""
    from analytics import qr
    from benchmarks.siege.prepare import EVENT

    def sign(ticket: str) -> str:
        return qr.sign({"ticket_id": ticket, "event": EVENT, "user": "guest"})

    def note(**fields: Any) -> None:
        print(json.dumps(fields))

    print(json.dumps({"ready": count}), flush=True)
    until = monotonic() + seconds
    scanners = [Scanner(port, sign, note) for _ in range(count)]
    work = [
        every(interval, until, interval * number / count, scanner.scan)
        for number, scanner in enumerate(scanners)
    ]
    work += [every(PROBE_INTERVAL, until, 0.0, partial(probe, port, path, note)) for path in PROBES if probes]
    await asyncio.gather(*work)


def main() -> None:
    """Read the arguments, and begin."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--interval", type=float, default=INTERVAL, help="between a scanner's tickets")
    parser.add_argument("--no-probes", action="store_true")
    arguments = parser.parse_args()
    import django

    django.setup()
    how = {"interval": arguments.interval, "probes": not arguments.no_probes}
    asyncio.run(run(arguments.port, arguments.count, arguments.seconds, **how))


if __name__ == "__main__":
    main()
