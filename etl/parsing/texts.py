"""
Text as a source tells it: ids, names, currencies and zones. Text is bounded, never cut.
"""

import re
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from analytics.limits import is_storable
from etl.parsing.unreadable import Unreadable, shown

# The codes met so far, as told: there are few, and each is looked at once.
CURRENCIES: dict[str, str] = {}

_CURRENCY = re.compile(r"[A-Za-z]{3}")
# Beyond it Python refuses to write a whole number out.
_LONGEST_NUMBER = 4000


def text(field: str, value: Any, *, length: int) -> str:
    """
    Return text of 1 to `length` characters; a whole number is written out.

    Raises:
        Unreadable: of another type, too long, or with characters that Postgres cannot hold.
    """
    if type(value) is int and value.bit_length() < _LONGEST_NUMBER:
        value = str(value)
    if not isinstance(value, str):
        raise Unreadable(field, f"{shown(value)} is neither text nor a whole number: send it as text")
    if len(value) > length:
        raise Unreadable(field, f"has {len(value)} characters: {length} are allowed, nothing is cut")
    if not is_storable(value, length=length):
        raise Unreadable(
            field, f"{shown(value)} is empty or has characters that cannot be stored, such as NUL"
        )
    return value


def currency(field: str, value: Any) -> str:
    """
    Return a currency code in upper case.

    Raises:
        Unreadable: not three letters.
    """
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return CURRENCIES.setdefault(value, value.upper())
    raise Unreadable(field, f"{shown(value)} is not a currency code of three letters, such as EUR")


def zone(field: str, value: Any) -> str:
    """
    Return the name of a time zone.

    Raises:
        Unreadable: not a name of the IANA database.
    """
    if isinstance(value, str) and value in _zones():
        return value
    raise Unreadable(field, f"{shown(value)} is not an IANA time zone, such as Europe/Berlin")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
