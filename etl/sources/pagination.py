"""
Where the next page is, in every form in which an upstream may say so.
"""

from collections.abc import Mapping
from typing import Any

from etl.sources.contract import SourceFailed

_NEXT = ("next_page", "nextPage")
_TOTAL = ("total_pages", "totalPages")
_MORE = ("has_more", "hasMore")
_DIGITS = 18
_SHOWN = 80


def next_reference(envelope: Mapping[str, Any], *, current: str) -> str:
    """
    Return where the page after `current` is: its number as text, or its URL; "" after the last.

    One sign that there is more is enough: a page too many is empty, a page too few is lost sales.

    Raises:
        SourceFailed: the envelope has a value that is not in any of the known forms.
    """
    paging = _paging(envelope)
    for name in _NEXT:
        if paging.get(name) not in (None, "", False):
            return _reference(name, paging[name])
    page = _number("page", paging.get("page")) or _page_number(current)
    total = page_total(envelope)
    is_more = total is not None and page is not None and page < total
    if not is_more and not any(_flag(name, paging.get(name)) for name in _MORE):
        return ""
    if page is None:
        raise SourceFailed(
            f"there is more after page {current[:_SHOWN]!r}, but the source does not say where"
        )
    return str(page + 1)


def page_total(envelope: Mapping[str, Any]) -> int | None:
    """Return how many pages there are; None where the source does not say."""
    paging = _paging(envelope)
    return next((n for name in _TOTAL if (n := _number(name, paging.get(name))) is not None), None)


def _paging(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is said about pages: under `pagination`, else at the top level."""
    inner = envelope.get("pagination")
    if not isinstance(inner, Mapping):
        return envelope
    return {**envelope, **{name: value for name, value in inner.items() if value is not None}}


def _reference(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    number = _number(name, value)
    return "" if number is None else str(number)


def _page_number(reference: str) -> int | None:
    return int(reference) if reference.isascii() and reference.isdigit() else None


def _number(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    raise _unknown(name, value)


def _flag(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool) or value in (0, 1):
        return bool(value)
    raise _unknown(name, value)


def _unknown(name: str, value: Any) -> SourceFailed:
    return SourceFailed(
        f"the source sends {name} = {repr(value)[:_SHOWN]}: that is neither a page nor a yes or no"
    )
