"""
The upstream ticketing API: `{base}/events` and `{base}/ticket-sales`, both read page by page.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from etl.parsing import Dialect
from etl.parsing.pages import NotAPage, Reading, read_page
from etl.rows import Endpoint, Page
from etl.sources import SourceSpec, dialects, origins
from etl.sources.contract import SourceFailed
from etl.sources.pagination import next_reference, page_total
from etl.sources.requests import TOTAL_SECONDS, Requests

_PATHS = {Endpoint.EVENTS: "events", Endpoint.SALES: "ticket-sales"}
_FIRST = "1"
_SHOWN = 80
# A person waits for `check`.
_CHECK_SECONDS = 10.0


def open_source(spec: SourceSpec) -> "HttpApi":
    """
    Open the API at `spec.address`; nothing is sent yet.

    Raises:
        SourceFailed: the address is not a URL, or the currency or the time zone is not known.
    """
    return HttpApi(spec)


class HttpApi:
    """The API as a Source. A page's reference is its number, or a URL where the source sends URLs."""

    endpoints = (Endpoint.EVENTS, Endpoint.SALES)

    def __init__(self, spec: SourceSpec) -> None:
        self.name = spec.name or "upstream"
        self._spec = spec
        # Before anything is sent: a wrong setting is found at the start.
        self._dialect()
        self._requests = self._client(TOTAL_SECONDS)

    def pages(self, endpoint: Endpoint, *, since: datetime | None = None, resume: str = "") -> Iterator[Page]:
        """
        Yield the pages of `endpoint`, see `Source.pages`.

        Raises:
            SourceFailed: a page could not be read, is not a page, or came twice.
        """
        return self._pages(self._requests, endpoint, since, resume or _FIRST)

    def _pages(
        self, requests: Requests, endpoint: Endpoint, since: datetime | None, reference: str
    ) -> Iterator[Page]:
        seen = _Seen()
        while reference:
            body = self._body(requests, endpoint, since, reference)
            seen.refuse_again(reference, body)
            reading, envelope = self._read(endpoint, body)
            yield reading.page(endpoint, reference=reference, page_total=page_total(envelope))
            reference = next_reference(envelope, current=reference)

    def check(self) -> Iterator[str]:
        """
        Read the first page of each endpoint, see `Source.check`.

        Raises:
            SourceFailed: one cannot be read.
        """
        with self._client(_CHECK_SECONDS) as requests:
            for endpoint, path in _PATHS.items():
                page = next(self._pages(requests, endpoint, None, _FIRST))
                rejected = f", {len(page.rejections)} of them rejected" if page.rejections else ""
                count = len(page.rows) + len(page.rejections)
                yield f"{origins.shown(requests.base)}/{path}: {count} rows in the first page{rejected}"

    def close(self) -> None:
        """Close the sockets, and end a wait for a busy server."""
        self._requests.close()

    def _body(self, requests: Requests, endpoint: Endpoint, since: datetime | None, reference: str) -> bytes:
        if reference.lower().startswith(("http://", "https://", "/")):
            # A URL that the source made itself: it is complete.
            return requests.get(reference)
        if reference.startswith("?"):
            return requests.get(_PATHS[endpoint] + reference)
        parameters = {"page": reference}
        if since is not None:
            parameters["since"] = since.isoformat()
        if self._spec.page_size is not None:
            parameters["limit"] = str(self._spec.page_size)
        return requests.get(_PATHS[endpoint], parameters)

    def _client(self, total_seconds: float) -> Requests:
        token = self._spec.token
        authorization = f"Bearer {token}" if token else ""
        return Requests(self._spec.address, authorization=authorization, total_seconds=total_seconds)

    def _read(self, endpoint: Endpoint, body: bytes) -> tuple[Reading, Mapping[str, Any]]:
        try:
            return read_page(body, endpoint, self._dialect())
        except NotAPage as error:
            where = f"{origins.shown(self._requests.base)}/{_PATHS[endpoint]}"
            raise SourceFailed(f"{where} answered with no page: {error}: is the base URL right?") from None

    def _dialect(self) -> Dialect:
        return dialects.dialect_of(self._spec, now=datetime.now(UTC))


class _Seen:
    """The pages of one endpoint so far: one that comes again would come for ever."""

    def __init__(self) -> None:
        self._references: set[str] = set()
        self._digests: set[bytes] = set()

    def refuse_again(self, reference: str, body: bytes) -> None:
        """
        Remember the page.

        Raises:
            SourceFailed: its reference or its content was there before.
        """
        digest = blake2b(body, digest_size=16).digest()
        if reference in self._references:
            raise SourceFailed(f"page {reference[:_SHOWN]} comes again: the source's paging goes in circles")
        if digest in self._digests:
            cure = "does the source ignore `page`?"
            raise SourceFailed(f"page {reference[:_SHOWN]} has the content of a page before it: {cure}")
        self._references.add(reference)
        self._digests.add(digest)
