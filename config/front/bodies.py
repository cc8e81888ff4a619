"""
Reading a request's body in the event loop, bounded in bytes and in time.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from time import monotonic
from typing import Any

from config import body_limits
from config.body_limits import BodyRefused
from config.front.timers import Timers, Until

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
# A request's headers by their names; of several with one name, the last.
Heads = Mapping[bytes, bytes]
_TOO_SLOW = 408, "the body did not arrive in time: send the request again, all of it at once"
_TOO_MANY = 503, "too many large bodies at once: send the request again in a few seconds"


class Disconnected(Exception):
    """The client went away before its body had arrived."""


def has_body(heads: Heads) -> bool:
    """Tell whether a request says that a body follows its headers."""
    return b"transfer-encoding" in heads or bool(heads.get(b"content-length", b"").strip(b"0 "))


def _declared(heads: Heads) -> int:
    """Return how many bytes a request says that its body has, or -1 where it does not say so."""
    declared = heads.get(b"content-length", b"")
    return int(declared) if declared.isdigit() else -1


class Bodies:
    """
    The bodies that one process holds at a time: how many bytes, of all requests together.
    """

    def __init__(self, timers: Timers, bound: int = body_limits.ALL_BYTES) -> None:
        self._timers = timers
        self._bound = bound
        self._held = 0

    async def read(self, heads: Heads, receive: Receive, *, limit: int, seconds: float) -> bytes:
        """
        Return a whole body; `release` it when the request is answered.

        Args:
            heads: of the request.
            receive: ASGI's.
            limit: bytes.
            seconds: until all of it is here.

        Raises:
            BodyRefused: it is too large, or too slow, or too many are read.
            Disconnected: its client went away.
        """
        if not has_body(heads):
            return b""
        declared = _declared(heads)
        if declared > limit:
            raise body_limits.too_large(limit)
        # In chunks it ends where they end, whatever else is said of its length.
        length = -1 if b"transfer-encoding" in heads else declared
        body, is_whole = bytearray(), False
        try:
            with Until(self._timers, monotonic() + seconds):
                while not is_whole:
                    # granian says that it ends in a message of its own: as much work again as for all of it.
                    is_whole = self._add(body, await receive(), limit) or len(body) == length
        except TimeoutError:
            self.release(body)
            raise BodyRefused(*_TOO_SLOW) from None
        except BaseException:
            self.release(body)
            raise
        return bytes(body)

    def _add(self, body: bytearray, message: Message, limit: int) -> bool:
        """Add what came to `body`; return whether it is whole."""
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        if len(body) + len(chunk) > limit:
            raise body_limits.too_large(limit)
        if self._held + len(chunk) > self._bound:
            raise BodyRefused(*_TOO_MANY)
        self._held += len(chunk)
        body += chunk
        return not message.get("more_body", False)

    def release(self, body: bytes | bytearray) -> None:
        """Count a body out that `read` returned."""
        self._held -= len(body)
