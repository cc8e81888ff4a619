"""
Requests to an HTTP source: bounded in time and size, repeated while the server is busy.

The credentials go to the source's own origin and nowhere else; no error, repr or log shows them.
"""

import time
from collections.abc import Mapping
from threading import Event
from typing import Self

import httpx
import tenacity

from etl.sources import backoff, origins, responses
from etl.sources.contract import SourceFailed
from etl.sources.responses import Busy

_CURE = "set ETL_SOURCE_TOKEN"
# What one page may take in all, waits between tries included, in seconds.
TOTAL_SECONDS = 120.0
# A longer body is refused; it is measured after decompression.
MAXIMUM_BYTES = 64 * 1024 * 1024

_TIMEOUT = httpx.Timeout(30, connect=5)
_REDIRECTS = 5


class Requests:
    """
    Reads pages below one base URL, such as "https://tickets.example/api".

    `authorization` is the whole header, such as "Bearer …" or "Token …"; "" sends no header. `token_cure`
    says how to set the token when it is refused.
    """

    def __init__(
        self,
        base: str,
        *,
        authorization: str = "",
        token_cure: str = _CURE,
        total_seconds: float = TOTAL_SECONDS,
        maximum_bytes: int = MAXIMUM_BYTES,
    ) -> None:
        """
        Prepare the client; nothing is sent yet.

        Raises:
            SourceFailed: the base is not a URL of a source, or the header has characters not allowed there.
        """
        self.base = origins.base_url(base)
        self._token_cure = token_cure
        self._total_seconds = total_seconds
        self._maximum_bytes = maximum_bytes
        self._closed = Event()
        headers = {"Accept": "application/json", "User-Agent": "turnstile-etl"}
        if authorization:
            headers["Authorization"] = _checked(authorization, token_cure)
        # Redirects are followed here, one by one: only those that stay on the origin.
        self._client = httpx.Client(headers=headers, timeout=_TIMEOUT, follow_redirects=False)

    def get(self, address: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """
        Return the body of `address`: a path below the base ("events"), or a URL of the same origin.

        Raises:
            SourceFailed: refused, unreachable for `total_seconds`, too large, or on another origin.
        """
        url = origins.within(self.base, address)
        if parameters:
            url = url.copy_merge_params(dict(parameters))
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Busy),
            wait=backoff.wait_seconds,
            stop=tenacity.stop_before_delay(self._total_seconds),
            # Not time.sleep: a run that is asked to stop does not wait for a server that is busy.
            sleep=tenacity.sleep_using_event(self._closed),
            before_sleep=backoff.log_wait,
            retry_error_callback=lambda tried: backoff.give_up(tried, url, self._total_seconds),
        )
        body: bytes = tries(self._get_across_redirects, url, time.monotonic() + self._total_seconds)
        return body

    def close(self) -> None:
        """Close the sockets, and end a wait between two tries; a second call does nothing."""
        self._closed.set()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _get_across_redirects(self, url: httpx.URL, deadline: float) -> bytes:
        for _ in range(_REDIRECTS):
            if self._closed.is_set():
                raise SourceFailed(f"{origins.shown(url)} was not read: the source is closed")
            answer = self._ask(url, deadline)
            if isinstance(answer, bytes):
                return answer
            url = origins.within(self.base, answer, page=url)
        raise SourceFailed(f"{origins.shown(url)} was redirected {_REDIRECTS} times: check the base URL")

    def _ask(self, url: httpx.URL, deadline: float) -> bytes | str:
        """Return the body, or where to ask instead."""
        try:
            with self._client.stream("GET", url) as response:
                elsewhere = responses.refuse_or_redirect(response, token_cure=self._token_cure)
                return elsewhere or responses.bounded_body(response, self._maximum_bytes, deadline)
        except httpx.HTTPError as error:
            raise Busy(f"{origins.shown(url)} did not answer: {responses.described(error)}") from None
        except RuntimeError as error:
            if not self._closed.is_set():
                raise
            raise SourceFailed(f"{origins.shown(url)} was not read: the source is closed") from error


def _checked(authorization: str, cure: str) -> str:
    """Return the header; one that cannot be sent is refused here, where the error keeps it secret."""
    if authorization.isascii() and authorization.isprintable():
        return authorization
    raise SourceFailed(f"the token has characters that no header may carry, such as a line's end: {cure}")
