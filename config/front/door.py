"""
The ASGI application: reads, finds a place, waits for the answer, sends it.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from django.conf import settings

from analytics import deadlines
from analytics.api import tickets
from analytics.deadlines import Deadline, DeadlinePassed
from analytics.recorder.line import LineFull
from config import body_limits, service_key, unavailable
from config.body_limits import BodyRefused
from config.front import gates, kinds
from config.front.bodies import Bodies, Disconnected, Receive, has_body
from config.front.gates import Scanned
from config.front.handler import Answer, Handler, Headers, Scope
from config.front.kinds import Kind
from config.front.places import NoPlace, Places
from config.front.sending import Downloads, Send, send_answer
from config.front.tally import Tally
from config.front.timers import Timers

logger = logging.getLogger(__name__)

_KEY = service_key.HEADER.lower().encode()
_PATIENCE = deadlines.HEADER.lower().encode()
_LENGTHS = {b"content-length", b"transfer-encoding"}
_OTHER_DOWNLOADS = 4
TOO_MANY_LOGINS = "Too many logins at once: try again in a few seconds."
# As long as it takes to hash the passwords of those who wait.
LOGIN_HEADERS = {"Retry-After": "5"}


class FrontDoor:
    """
    Every request's way in. One for each process; its parts belong to the event loop that serves.
    """

    def __init__(self) -> None:
        self._handler = Handler()
        self._timers = Timers()
        self._bodies = Bodies(self._timers)
        self._places = {
            kind: Places(kind.name, threads=kind.threads, waiting=kind.waiting) for kind in kinds.ALL
        }
        self._downloads = Downloads(settings.WEB_DOWNLOADS + _OTHER_DOWNLOADS)
        self._refused = Tally(logger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"Turnstile speaks HTTP, not {scope['type']}")
        try:
            answer, body_is_read = await self._answer(scope, receive)
        except Disconnected:
            return
        if not body_is_read and has_body(dict(scope["headers"])):
            # The next request could not be told from the rest of this one's body.
            answer = answer._replace(headers=[*answer.headers, (b"Connection", b"close")])
        await send_answer(answer, receive, send, self._downloads)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Answer, bool]:
        """Return the answer, and whether the body was read to its end."""
        heads = dict(scope["headers"])
        has_key = service_key.is_service_key(heads.get(_KEY))
        kind = kinds.kind_of(scope["path"], has_key=has_key, method=scope["method"])
        deadline = deadlines.begin(_text(heads.get(_PATIENCE))) if kind.has_deadline else None
        if not kind.body_bytes:
            return await self._work(kind, scope, b"", deadline), False
        try:
            seconds = body_limits.SECONDS if deadline is None else deadline.seconds_left
            body = await self._bodies.read(heads, receive, limit=kind.body_bytes, seconds=seconds)
        except BodyRefused as refused:
            if deadline is not None and deadline.seconds_left <= 0:
                return self._unavailable(kind, unavailable.TOO_LATE), False
            return _refusal(refused.status, {"detail": str(refused)}), False
        try:
            if deadline is not None and (found := gates.understood(scope, heads, body)):
                return await self._record(scope, body, found, deadline), True
            return await self._work(kind, scope, body, deadline), True
        finally:
            self._bodies.release(body)

    async def _record(self, scope: Scope, body: bytes, found: Scanned, deadline: Deadline) -> Answer:
        try:
            return gates.answer(found.reading, await gates.decided(found.scan, deadline, self._timers))
        except DeadlinePassed:
            return self._unavailable(kinds.GATE, unavailable.TOO_LATE)
        except LineFull:
            return self._unavailable(kinds.GATE, unavailable.OVERLOADED)
        except Exception as error:  # noqa: BLE001 - the API says what it means
            return await self._work(kinds.GATE, scope, body, None, {tickets.FAILED_KEY: error})

    async def _work(
        self,
        kind: Kind,
        scope: Scope,
        body: bytes,
        deadline: Deadline | None,
        meta: Mapping[str, Any] = MappingProxyType({}),
    ) -> Answer:
        if kind.body_bytes and has_body(dict(scope["headers"])):
            # It is read: whatever looks at the headers finds how long it is, and nothing to unpack.
            kept = [each for each in scope["headers"] if each[0] not in _LENGTHS]
            scope["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        try:
            if deadline is None:
                # Shielded: it keeps its place to its end, also where its client is given up.
                return await asyncio.shield(self._places[kind].run(self._handler.answer, scope, body, meta))
            return await self._work_until(kind, scope, body, deadline)
        except NoPlace:
            if kind is kinds.LOGIN:
                self._refused.note("429 to a login: too many at once")
                return _refusal(HTTPStatus.TOO_MANY_REQUESTS, {"detail": TOO_MANY_LOGINS}, LOGIN_HEADERS)
            return self._unavailable(kind, unavailable.OVERLOADED)

    async def _work_until(self, kind: Kind, scope: Scope, body: bytes, deadline: Deadline) -> Answer:
        future = self._places[kind].run(self._answer_in_time, scope, body, deadline)
        await asyncio.wait([future], timeout=max(0.0, deadline.seconds_left))
        if not future.done() and deadline.give_up():
            return self._unavailable(kind, unavailable.TOO_LATE)
        # It is answered, or being stored: what was stored is said, however late.
        return await future or self._unavailable(kind, unavailable.TOO_LATE)

    def _answer_in_time(self, scope: Scope, body: bytes, deadline: Deadline) -> Answer | None:
        if deadline.seconds_left <= 0:
            return None
        return self._handler.answer(scope, body, {deadlines.META_KEY: deadline})

    def _unavailable(self, kind: Kind, reason: str) -> Answer:
        self._refused.note(f"503 to a request of kind {kind.name}: {reason}")
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, unavailable.body(reason), unavailable.HEADERS)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _refusal(status: int, body: dict[str, str], headers: dict[str, str] | None = None) -> Answer:
    every = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    encoded: Headers = [(name.encode(), value.encode()) for name, value in every.items()]
    return Answer(status, encoded, json.dumps(body).encode())


async def _live(receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    """Tell a server that asks that there is nothing to start or to stop."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
