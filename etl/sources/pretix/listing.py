"""
A page of a list, as pretix answers it, and the address of the page after it.

Addresses are paths with their query, without the host: they are kept for a later run, and never leave the
origin that the token belongs to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from etl.parsing.values import shown
from etl.sources import origins
from etl.sources.contract import SourceFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """
    One page.

    Attributes:
        address: its own path and query.
        rows: what it lists.
        next: the path and query of the next page, "" at the end.
        count: the rows of all pages; None where pretix does not say.
    """

    address: str
    rows: Sequence[Mapping[str, Any]]
    next: str
    count: int | None


def listing(body: bytes, *, base: httpx.URL, address: str) -> Listing:
    """
    Read the answer to `address`, a path on the origin of `base`.

    Raises:
        SourceFailed: it is not a list of pretix, or the next page is on another origin.
    """
    answer = document(body, address=address)
    rows, count = answer.get("results"), answer.get("count")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise SourceFailed(f"{address} answered no `results`: is this the REST API of pretix, with /api/v1/?")
    return Listing(
        address=address,
        rows=rows,
        next=_path_of(answer.get("next"), base=base),
        count=count if isinstance(count, int) else None,
    )


def document(body: bytes, *, address: str) -> Mapping[str, Any]:
    """
    Return the JSON object that `address` answered.

    Raises:
        SourceFailed: it answered something else.
    """
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = None
    if not isinstance(answer, Mapping):
        raise SourceFailed(
            f"{address} answered no JSON object: is this the REST API of pretix, with /api/v1/?"
        )
    return answer


def _path_of(link: Any, *, base: httpx.URL) -> str:
    """Return the path and query of `link`, which stays on the origin of `base`."""
    if link is None:
        return ""
    if not isinstance(link, str):
        raise SourceFailed(f"{base}: the link to the next page is {shown(link)}, not a URL")
    return origins.within(base, link).raw_path.decode()
