"""
Django, answering one request in the thread that calls it.

Django's own ASGI handler makes a thread for each request, and reads a streamed file whole before it sends any
of it. This one is called in a thread that has a place, and returns what is to be sent.
"""

import io
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

from django.core import signals
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import close_old_connections
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

# A file that is sent at once: the pages' style sheets and scripts. A larger one has a place for downloads.
SMALL_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 64 * 1024

Scope = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """
    What Django answered.

    Attributes:
        stream: yields the body, to be called in another thread; None where `body` is all of it.
    """

    status: int
    headers: Headers
    body: bytes
    stream: Callable[[], Iterator[bytes]] | None = None


class Handler(ASGIHandler):
    """The middleware and the views, without a thread of their own."""

    def __init__(self) -> None:
        # Not ASGIHandler's, which would make the views asynchronous.
        self.load_middleware(is_async=False)

    def answer(self, scope: Scope, body: bytes, meta: Mapping[str, Any]) -> Answer:
        """Answer a request; `meta` joins its META."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, io.BytesIO(body))
        if request is None:
            return _as_answer(refusal)
        request.META.update(meta)
        return _as_answer(self.get_response(request))


def _as_answer(response: Any) -> Answer:
    # As Django's own handlers: the sender of the signal that the request is over.
    response._handler_class = Handler  # noqa: SLF001
    if isinstance(response, FileResponse):
        response.block_size = CHUNK_BYTES
    headers = _headers(response)
    if not response.streaming:
        try:
            return Answer(response.status_code, headers, b"".join(response))
        finally:
            response.close()
    if _is_small(response):
        try:
            return Answer(response.status_code, headers, b"".join(_chunks(response)))
        finally:
            response.close()
    # Another thread goes on: what this one borrowed must not wait for a slow client.
    close_old_connections()
    return Answer(response.status_code, headers, b"", lambda: _to_its_end(response))


def _is_small(response: HttpResponseBase) -> bool:
    length = response.headers.get("Content-Length", "")
    return length.isdecimal() and int(length) <= SMALL_BYTES


def _chunks(response: Any) -> Iterator[bytes]:
    return iter(response.streaming_content)


def _to_its_end(response: HttpResponseBase) -> Iterator[bytes]:
    try:
        yield from _chunks(response)
    finally:
        response.close()


def _headers(response: HttpResponseBase) -> Headers:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    cookies = (cookie.output(header="").strip().encode("ascii") for cookie in response.cookies.values())
    return [*headers, *((b"Set-Cookie", cookie) for cookie in cookies)]
