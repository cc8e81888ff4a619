"""
What an HTTP answer means: a page, another address, a reason to try again, or the end.
"""

import time

import httpx

from etl.sources import origins
from etl.sources.contract import SourceFailed

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_CURES = {
    403: "the token may not read this",
    404: "no such address: is the base URL right?",
    405: "the address does not answer GET: is the base URL right?",
    410: "the address is gone: is the base URL right?",
}


class Busy(Exception):
    """The server cannot answer now. `retry_after` is its Retry-After header, "" without one."""

    def __init__(self, message: str, *, retry_after: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after


def refuse_or_redirect(response: httpx.Response, *, token_cure: str) -> str:
    """
    Return where the answer redirects to, "" when it carries the page itself.

    Raises:
        Busy: 429 or 5xx: to be tried again.
        SourceFailed: any other answer that is not a page.
    """
    status, where = response.status_code, origins.shown(response.request.url)
    if response.has_redirect_location:
        return response.headers["Location"]
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
        after = response.headers.get("Retry-After", "")
        raise Busy(f"{where} answered {status} {response.reason_phrase}".strip(), retry_after=after)
    if response.is_success:
        return ""
    cure = (
        f"the token was refused: {token_cure}"
        if status == httpx.codes.UNAUTHORIZED
        else _CURES.get(status, "")
    )
    raise SourceFailed(f"{where} answered {status}: {cure or response.reason_phrase or 'not a page'}")


def bounded_body(response: httpx.Response, maximum_bytes: int, deadline: float) -> bytes:
    """
    Return the body; `deadline` is on the monotonic clock.

    Raises:
        SourceFailed: more than `maximum_bytes`.
        Busy: it was still trickling in at the deadline.
    """
    chunks, size, where = [], 0, origins.shown(response.request.url)
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > maximum_bytes:
            cure = "ask for smaller pages with --page-size"
            raise SourceFailed(f"{where} sent more than {maximum_bytes} bytes in one page: {cure}")
        if time.monotonic() > deadline:
            raise Busy(f"{where} sent {size} bytes and was not done")
        chunks.append(chunk)
    return b"".join(chunks)


def described(error: httpx.HTTPError) -> str:
    """Return what went wrong on the wire, as text without a URL."""
    kind = type(error).__name__
    return f"{kind}: {error}" if isinstance(error, httpx.ConnectError | httpx.ProtocolError) else kind
