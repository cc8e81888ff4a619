"""
The scanners of one process of `million`: they show tickets, and print what they were told.

What is lost with a connection is sent again, with the same scan_id, and so is what is answered 503: as a
scanner's device does, until it knows.
"""

import argparse
import asyncio
import json
import os
import random
from typing import Any
from uuid import uuid4

import django

from benchmarks.siege.scanners import exchange

django.setup()

from analytics import qr  # noqa: E402 - it reads the settings
from benchmarks.siege.prepare import EVENT  # noqa: E402

PAUSE_SECONDS = 0.1
# A device goes on asking for so long.
PATIENCE_SECONDS = 60.0
# Tickets that one scanner remembers, to show them again.
REMEMBERED = 50


class Scanner:
    """One gate's."""

    def __init__(self, port: int, again: int, left: list[None]) -> None:
        self._port, self._again, self._left = port, again, left
        self._connection: Any = None
        self._shown: list[str] = []

    async def run(self) -> None:
        """Show tickets until there are enough."""
        while self._left:
            self._left.pop()
            ticket = self._ticket()
            scan_id = str(uuid4())
            token = qr.sign({"ticket_id": ticket, "event": EVENT, "user": "guest"})
            said = await self._said(json.dumps({"qr_text": token, "scan_id": scan_id}).encode())
            print(json.dumps([scan_id, ticket, said]), flush=False)

    def _ticket(self) -> str:
        if self._shown and random.randrange(100) < self._again:
            return self._shown.pop(random.randrange(len(self._shown)))
        ticket = f"T-{uuid4().hex}"
        self._shown = [*self._shown[-REMEMBERED:], ticket]
        return ticket

    async def _said(self, body: bytes) -> str:
        key = os.environ["SERVICE_API_KEY"]
        head = f"POST /validate-qr HTTP/1.1\r\nX-Service-Key: {key}\r\nContent-Type: application/json\r\n"
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    kept, self._connection = self._connection, None
                    try:
                        status, text, self._connection = await exchange(self._port, kept, head, body)
                    except (OSError, asyncio.IncompleteReadError):
                        await asyncio.sleep(PAUSE_SECONDS)
                        continue
                    if status == 200:
                        return str(json.loads(text)["outcome"])
                    if status != 503:
                        return str(status)
                    await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError:
            return "no answer"


async def run(port: int, count: int, scans: int, again: int) -> None:
    """Let so many scanners show so many tickets."""
    left = [None] * scans
    await asyncio.gather(*(Scanner(port, again, left).run() for _ in range(count)))


def main() -> None:
    """Read the arguments, and begin."""
    parser = argparse.ArgumentParser()
    for name in ("port", "count", "scans", "again"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    asyncio.run(run(given.port, given.count, given.scans, given.again))


if __name__ == "__main__":
    main()
