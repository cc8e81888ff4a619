"""
Clients that a service must bear: slow ones, silent ones, many. All on loopback, bounded in number and time.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from urllib.parse import urlencode

from benchmarks.siege.scanners import exchange
from benchmarks.siege.stage import KEYS, ROOT, Stage

CSRF = "abcdefghijklmnopqrstuvwxyz012345"
FORM = f"Cookie: csrftoken={CSRF}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
WITH_KEY = f"X-Service-Key: {KEYS['SERVICE_API_KEY']}\r\nContent-Type: application/json\r\n"
Client = Callable[[Stage, int], Awaitable[None]]


async def crowd(stage: Stage, seconds: float, count: int, client: Client) -> None:
    """Let `count` clients do the same for so long; one that is turned away comes back after half a second."""

    async def one(number: int) -> None:
        await asyncio.sleep(number / count)
        until = monotonic() + seconds - number / count
        while monotonic() < until:
            with suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
                await asyncio.wait_for(client(stage, number), max(0.1, until - monotonic()))
            await asyncio.sleep(min(0.5, max(0.0, until - monotonic())))

    await asyncio.gather(*(one(number) for number in range(count)))


async def slow_body(stage: Stage, number: int) -> None:
    """Post a form, a byte a second, without any key."""
    await _drip(stage, f"POST {('/', '/admin/login/')[number % 2]} HTTP/1.1\r\n{FORM}")


async def slow_body_with_the_key(stage: Stage, _: int) -> None:
    """Send a scan, a byte a second."""
    await _drip(stage, f"POST /validate-qr HTTP/1.1\r\n{WITH_KEY}")


async def slow_headers(stage: Stage, _: int) -> None:
    """Send a request's head, a byte a second."""
    await _drip(stage, "GET /health HTTP/1.1\r\nX-Long: ", ends_head=False)


async def _drip(stage: Stage, head: str, *, ends_head: bool = True) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    try:
        end = "Host: 127.0.0.1\r\nContent-Length: 2000\r\n\r\n" if ends_head else ""
        writer.write(f"{head}{end}".encode())
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(4096), 1.0)
    finally:
        writer.close()


async def silent(stage: Stage, _: int) -> None:
    """Connect, and say nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    try:
        await reader.read()
    finally:
        writer.close()


async def idle(stage: Stage, _: int) -> None:
    """Ask once, keep the connection, and say nothing more."""
    _status, _text, connection = await exchange(stage.port, None, "GET /health HTTP/1.1\r\n")
    if connection:
        try:
            await connection[0].read()
        finally:
            connection[1].close()


async def login(stage: Stage, number: int) -> None:
    """Log in with a wrong password, as fast as the answer comes."""
    form = {"username": f"guess-{number}", "password": "wrong", "csrfmiddlewaretoken": CSRF}
    head = f"POST /admin/login/ HTTP/1.1\r\n{FORM}"
    _status, _text, connection = await exchange(stage.port, None, head, urlencode(form).encode())
    if connection:
        connection[1].close()


async def staff_page(stage: Stage, _: int) -> None:
    """Open the start page of the admin, again and again."""
    await _get(stage, "/admin/")


async def transfer(stage: Stage, number: int) -> None:
    """Record a transfer."""
    body = f'{{"ticket_id": "T-{number}", "event": "tonight", "from_user": "a", "to_user": "b"}}'
    _s, _t, connection = await exchange(
        stage.port, None, f"POST /transfers HTTP/1.1\r\n{WITH_KEY}", body.encode()
    )
    if connection:
        connection[1].close()


async def slow_download(stage: Stage, _: int) -> None:
    """Download 50 MB, a few kilobytes a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port, limit=4096)
    try:
        writer.write(_as_staff(stage, stage.download))
        while not reader.at_eof():
            await reader.read(4096)
            await asyncio.sleep(1.0)
    finally:
        writer.close()


async def _get(stage: Stage, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    try:
        writer.write(_as_staff(stage, path))
        await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


def _as_staff(stage: Stage, path: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid={stage.session}\r\n\r\n"
    return head.encode()


async def flood(stage: Stage, seconds: float, *, count: int) -> None:
    """Let so many more gates each show a ticket every second, from a process of their own."""
    arguments = ("--port", str(stage.port), "--count", str(count), "--seconds", str(seconds))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.siege.scanners", *arguments, "--interval", "1", "--no-probes"),
        cwd=ROOT,
        env=stage.environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
