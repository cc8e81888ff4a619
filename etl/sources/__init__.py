"""
The sources: where sales come from. Only `open_source` knows them all.
"""

from dataclasses import dataclass, field
from importlib import import_module

from etl import limits
from etl.rows import Endpoint
from etl.sources.contract import Source, SourceFailed

__all__ = ["Source", "SourceFailed", "SourceSpec", "open_source"]


@dataclass(frozen=True, kw_only=True)
class SourceSpec:
    """
    Which source, and how to read it.

    Attributes:
        address: `https://…` is the upstream API, `pretix+https://host/api/v1/organizers/ORG` is pretix,
            "-" is standard input, anything else is a file.
        name: what its rows are kept under; "" for the default name of its kind.
        token: a secret; never in a repr, an error or a log.
        page_size: rows in a page; None for the source's own size.
        currency: ISO code for a sale without one; "" rejects such a sale.
        timezone: IANA zone for times without an offset; "" rejects such a time.
        endpoint: what a file holds; None for sales.
    """

    address: str
    name: str = ""
    token: str = field(default="", repr=False)
    page_size: int | None = None
    currency: str = ""
    timezone: str = ""
    endpoint: Endpoint | None = None


# Imported when one is asked for: a run over a file needs no HTTP client. Each module has
# `open_source(spec) -> Source`; the order of the prefixes matters, the last one matches everything.
_MODULES = {
    "pretix+": "etl.sources.pretix",
    "http://": "etl.sources.http_api",
    "https://": "etl.sources.http_api",
    "": "etl.sources.files",
}


def open_source(spec: SourceSpec) -> Source:
    """
    Open the source that `spec` describes; nothing is read yet.

    Raises:
        SourceFailed: the address, the name or the page size cannot be right; the message says what would be.
    """
    _check(spec)
    prefix = next(prefix for prefix in _MODULES if spec.address.lower().startswith(prefix))
    source: Source = import_module(_MODULES[prefix]).open_source(spec)
    return source


def _check(spec: SourceSpec) -> None:
    if not spec.address:
        raise SourceFailed("no source is given: name a URL or a file with --source, or set ETL_SOURCE_URL")
    if len(spec.name) > limits.SOURCE or not spec.name.isprintable():
        raise SourceFailed(f"the name of a source has at most {limits.SOURCE} printable characters")
    if spec.page_size is not None and spec.page_size < 1:
        raise SourceFailed(f"a page of {spec.page_size} rows is too small: use 1 or more")
