"""
Which URLs belong to a source. Its credentials go to its own origin, never elsewhere.
"""

import httpx

from etl.sources.contract import SourceFailed


def base_url(address: str) -> httpx.URL:
    """
    Return the base URL of a source, without a slash at its end.

    Raises:
        SourceFailed: not an http(s) URL, or one that carries a password, a query or a fragment.
    """
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        raise SourceFailed("the source's address is not a URL such as https://tickets.example/api") from None
    if url.userinfo:
        where = shown(url)
        raise SourceFailed(
            f"{where}: leave user and password out of the URL, put a token in ETL_SOURCE_TOKEN"
        )
    if url.scheme not in {"http", "https"} or not url.host:
        raise SourceFailed(f"{shown(url)} is not a URL such as https://tickets.example/api")
    if url.query or url.fragment:
        raise SourceFailed(f"{shown(url)}: the base URL ends before the '?' or the '#'")
    return url.copy_with(path=url.path.rstrip("/"))


def within(base: httpx.URL, address: str, *, page: httpx.URL | None = None) -> httpx.URL:
    """
    Return the URL of `address`: a name below `base`, a path such as "/api/events?page=2", or a whole URL.

    `page` is the URL of the page that named the address: a relative address is relative to it.

    Raises:
        SourceFailed: it is on another origin, or not a URL.
    """
    try:
        url = (page or httpx.URL(f"{base}/")).join(address)
    except (httpx.InvalidURL, ValueError):
        raise SourceFailed(f"{shown(base)} leads to an address that is not a URL") from None
    if origin(url) != origin(base):
        there = shown(url.copy_with(path="/"))
        raise SourceFailed(
            f"{shown(base)} leads to another origin, {there}, where its token is not sent: "
            "if that is the right one, give it as the source's address"
        )
    return url.copy_with(fragment=None, username=None, password=None)


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port; the scheme's own port is written out."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def shown(url: httpx.URL) -> str:
    """Return `url` for a message: without user, password and query, any of which may hold a secret."""
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))
