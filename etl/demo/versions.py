"""
A sale's versions: what the upstream lists from one instant on, until the next version replaces it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

# Names and values of a row, in the order of its JSON.
Fields = tuple[tuple[str, Any], ...]


class Version(NamedTuple):
    """
    One row as the upstream lists it from `known_at` on, in seconds since 1970.

    `replaced_at` is when a later version takes its place; None for the last one.
    """

    known_at: int
    sale_id: str
    replaced_at: int | None
    fields: Fields

    def as_json(self) -> dict[str, Any]:
        """Return the row as the upstream's JSON has it."""
        return {"sale_id": self.sale_id, **dict(self.fields), "updated_at": iso(self.known_at)}


def current(versions: Sequence[Version], *, since: int, now: int) -> list[Version]:
    """Return what is current at `now` of the sorted `versions` and not older than `since`, oldest first."""
    return [
        version
        for version in versions
        if since <= version.known_at <= now and (version.replaced_at is None or version.replaced_at > now)
    ]


def in_order(versions: Iterable[Version]) -> list[Version]:
    """Return `versions` by the instant at which each became known."""
    return sorted(versions, key=lambda version: version[:2])


def iso(at: int) -> str:
    """Return the instant as the upstream writes it, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
