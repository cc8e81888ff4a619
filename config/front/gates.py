"""
Scans, on the short way: from the body to the recorder and back, on the event loop, without a thread.

Only what is certain goes this way: a request that the API would accept as it is. Everything else, and every
error, takes the way through Django, which alone knows what to say. `test_gates.py` compares the two.
"""

import asyncio
import re
import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from analytics import deadlines, limits, qr
from analytics.api import fields, tickets
from analytics.deadlines import Deadline, DeadlinePassed
from analytics.facts import ScanResult
from analytics.recorder import scans
from analytics.recorder.scans import GivenScan
from config.front.bodies import Heads
from config.front.handler import Answer, Headers, Scope
from config.front.timers import Timers

PATH = "/validate-qr"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SECONDS = re.compile(rb"[0-9]{1,6}(?:\.[0-9]{1,6})?")
# What Django's middleware adds to an answer of the API.
_HEADERS: Headers = [
    (b"Content-Type", b"application/json"),
    (b"X-Frame-Options", settings.X_FRAME_OPTIONS.encode()),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", settings.SECURE_REFERRER_POLICY.encode()),
    (b"Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY.encode()),
]


class _Body(msgspec.Struct, gc=False):
    """`analytics.api.tickets.ValidateRequest`, less what is only sometimes right."""

    qr_text: str
    scan_id: str | None = None
    gate: str = ""
    scanner_id: str = ""
    scanned_at: str | None = None
    event: str | list[str] | None = None


_decode = msgspec.json.Decoder(_Body).decode


class Scanned(NamedTuple):
    """
    A request that is certain: what was read, and what is to be decided.
    """

    reading: qr.Reading
    scan: GivenScan


def understood(scope: Scope, heads: Heads, body: bytes) -> Scanned | None:
    """Return what a request asks, or None where Django is to say whether it asks anything."""
    if not (_is_the_scans(scope) and _are_plain(heads) and len(heads) == len(scope["headers"])):
        return None
    try:
        given = _decode(body)
        scanned_at = None if given.scanned_at is None else fields.instant(given.scanned_at)
    except (msgspec.MsgspecError, ValueError):
        return None
    if not (_fits(given.gate, limits.GATE) and _fits(given.scanner_id, limits.SCANNER_ID)):
        return None
    if given.event is not None and not _are_events(tickets.events_of(given.event)):
        return None
    if given.scan_id is not None and not _UUID.fullmatch(given.scan_id):
        return None
    return _scanned(given, scanned_at)


def _scanned(given: _Body, scanned_at: datetime | None) -> Scanned:
    received_at = datetime.now(UTC)
    reading = qr.read_for(given.qr_text, tickets.events_of(given.event))
    scan = GivenScan(
        scan_id=uuid.uuid4() if given.scan_id is None else uuid.UUID(given.scan_id),
        event_id=reading.event_id,
        ticket_id=reading.ticket_id,
        reason=reading.reason,
        is_genuine=reading.is_genuine,
        gate=given.gate,
        scanner_id=given.scanner_id,
        scanned_at=scanned_at or received_at,
        received_at=received_at,
    )
    return Scanned(reading, scan)


def _fits(text: str, length: int) -> bool:
    return len(text) <= length and "\x00" not in text


def _are_events(names: Collection[str]) -> bool:
    are_so_many = 0 < len(names) <= limits.EVENTS
    return are_so_many and all(name and _fits(name, limits.EVENT_ID) for name in names)


def _is_the_scans(scope: Scope) -> bool:
    return bool(scope["path"] == PATH and scope["method"] == "POST" and not scope.get("root_path"))


def _are_plain(heads: Heads) -> bool:
    """Tell whether Django would let the headers pass."""
    host, patience = heads.get(b"host"), heads.get(_PATIENCE)
    if patience is not None and not (
        _SECONDS.fullmatch(patience) and float(patience) >= deadlines.SHORTEST_SECONDS
    ):
        return False
    return host is not None and _is_allowed(host) and not settings.SECURE_SSL_REDIRECT


_PATIENCE = deadlines.HEADER.lower().encode()


@lru_cache(maxsize=64)
def _is_allowed(host: bytes) -> bool:
    request = HttpRequest()
    request.META["HTTP_HOST"] = host.decode("latin-1")
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


async def decided(scan: GivenScan, deadline: Deadline, timers: Timers) -> ScanResult:
    """
    Return what the recorder decides.

    Raises:
        LineFull: too many scans wait.
        DeadlinePassed: nothing was stored by the deadline, and nothing will be.
        Exception: what the recorder met: a database that cannot serve, an id of something else.
    """
    future = scans.recorder.submit(scan, deadline, loop=asyncio.get_running_loop())
    end = partial(_give_up, future, deadline)
    ends = timers.start(deadline.at, end)
    try:
        result: ScanResult = await future
        return result
    finally:
        ends.discard(end)


def _give_up(future: "asyncio.Future[ScanResult]", deadline: Deadline) -> None:
    # Where it is being stored already, what was stored is said, however late.
    if not future.done() and deadline.give_up():
        future.set_exception(DeadlinePassed())


def answer(reading: qr.Reading, result: ScanResult) -> Answer:
    """Return the answer, byte for byte as the API gives it."""
    body = tickets.decision(reading, result)
    return Answer(200, [*_HEADERS, (b"Content-Length", str(len(body)).encode())], body)
