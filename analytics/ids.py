"""
An id belongs to one fact: sent again with it, it is answered as stored; with anything else, it is refused.
"""

from collections.abc import Mapping
from typing import Any


class IdReused(ValueError):
    """
    The id was used before, for something else. Nothing is stored.

    If you are hitting this, make a new random UUID for each fact, and repeat one only to send the very same
    fact again.
    """


def check_same(stored: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """
    Check that the row that is stored under an id says what was given with it now.

    Raises:
        IdReused: it says something else.
    """
    for name, value in given.items():
        # The event of a refused scan or an attempt may have become known since it was stored without.
        if stored[name] != value and (name, stored[name]) != ("event_id", None):
            raise IdReused(f"this id was used before, with another {name}: send a new id for something new")
