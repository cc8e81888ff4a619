"""
Reading a request's body in the event loop, bounded in bytes and in time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from config import body_limits
from config.body_limits import BodyRefused

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
_TOO_SLOW = 408, "the body did not arrive in time: send the request again, all of it at once"
_TOO_MANY = 503, "too many large bodies at once: send the request again in a few seconds"


class Disconnected(Exception):
    """The client went away before its body had arrived."""


def has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether a request says that a body follows its headers."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 "))
        for name, value in headers
    )


class Bodies:
    """
    The bodies that one process holds at a time: how many bytes, of all requests together.
    """

    def __init__(self, bound: int = body_limits.ALL_BYTES) -> None:
        self._bound = bound
        self._held = 0

    async def read(self, receive: Receive, *, limit: int, seconds: float) -> bytes:
        """
        Return a whole body; `release` it when the request is answered.

        Args:
            receive: ASGI's.
            limit: bytes.
            seconds: until all of it is here.

        Raises:
            BodyRefused: it is too large, or too slow, or too many are read.
            Disconnected: its client went away.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while await self._read_some(receive, body, limit):
                    pass
        except TimeoutError:
            self.release(body)
            raise BodyRefused(*_TOO_SLOW) from None
        except BaseException:
            self.release(body)
            raise
        return bytes(body)

    async def _read_some(self, receive: Receive, body: bytearray, limit: int) -> bool:
        """Add what comes next to `body`; return whether there is more."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        self._add(body, message.get("body", b""), limit)
        return bool(message.get("more_body", False))

    def _add(self, body: bytearray, chunk: bytes, limit: int) -> None:
        if len(body) + len(chunk) > limit:
            raise body_limits.too_large(limit)
        if self._held + len(chunk) > self._bound:
            raise BodyRefused(*_TOO_MANY)
        self._held += len(chunk)
        body += chunk

    def release(self, body: bytes | bytearray) -> None:
        """Count a body out that `read` returned."""
        self._held -= len(body)
