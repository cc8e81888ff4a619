"""
What cannot be read: the field at fault and what to do, in words that fit into a table of rejected rows.
"""

from typing import Any

from etl import limits

# As much of a value as a person needs in order to find it.
SHOWN = 80


class Unreadable(Exception):
    """A row, or a field of it, that cannot be read. The reason names the value and the cure."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason[: limits.REASON]


def shown(value: Any) -> str:
    """Return `value` for an error message: at most SHOWN characters, all of them printable ASCII."""
    # Cut before it is spelled out: a row may hold a megabyte. A container is named, not shown.
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > SHOWN * 4:
        return "a number of many digits"
    text = ascii(value[:SHOWN]) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "~"
