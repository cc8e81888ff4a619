"""
One value of a row as text, an id, a currency, a time zone, a whole number or money; `instants` reads times.

Text is bounded and never cut, money is Decimal and never rounded, and no float is ever computed with.
"""

import re
from decimal import Decimal
from functools import cache
from typing import Any, cast
from zoneinfo import available_timezones

from analytics.limits import is_storable
from etl import limits

# As much of a value as a person needs in order to find it.
SHOWN = 80
# The currency codes met so far, as they were sent: there are few, and each is checked once.
CURRENCIES: dict[str, str] = {}

_CURRENCY = re.compile(r"[A-Za-z]{3}")
# Beyond it Python refuses to write a whole number out.
_LONGEST_NUMBER = 4000
_CENT = Decimal("0.01")
_SMALLEST = Decimal(1).scaleb(-limits.AMOUNT_DECIMALS)
_WHOLE_DIGITS = limits.AMOUNT_DIGITS - limits.AMOUNT_DECIMALS
_TOO_LARGE = Decimal(10) ** _WHOLE_DIGITS
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
# A binary float holds that many decimal digits exactly as they were written.
_FLOAT_DIGITS = 15


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
    whole = ascii(value[:SHOWN]) if isinstance(value, str) else str(value)
    return whole if len(whole) <= SHOWN else whole[: SHOWN - 1] + "~"


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


def quantity(field: str, value: Any) -> int:
    """
    Return a whole number of tickets, 0 or more.

    Raises:
        Unreadable: not a number, negative, with a fraction, or too large.
    """
    number = _number(field, value, "a whole number, such as 2")
    if number < 0:
        raise _negative(field, value)
    if number > limits.QUANTITY:
        raise Unreadable(field, f"{shown(value)} is too large: {limits.QUANTITY} tickets are the most")
    if number != int(number):
        raise Unreadable(field, f"{shown(value)} is not a whole number of tickets")
    return int(number)


def money(field: str, value: Any) -> Decimal:
    """
    Return an amount of money, 0 or more, with at most AMOUNT_DECIMALS decimals.

    Raises:
        Unreadable: not a number, negative, too large or with more decimals: it is never rounded.
    """
    # The usual amount, quickly: this runs for every row.
    is_cents = type(value) is Decimal and value.same_quantum(_CENT) and not value.is_signed()
    if is_cents and value.adjusted() < _WHOLE_DIGITS:
        return cast("Decimal", value)
    number = _number(field, value, "a decimal number such as 12.50, with a point and without separators")
    if number < 0:
        raise _negative(field, value)
    if number >= _TOO_LARGE:
        raise Unreadable(
            field, f"{shown(value)} is too large: {_WHOLE_DIGITS} digits before the point are the most"
        )
    rounded = number.quantize(_SMALLEST)
    if rounded != number:
        decimals = limits.AMOUNT_DECIMALS
        raise Unreadable(field, f"{shown(value)} has more than {decimals} decimals: nothing is rounded")
    # Not -0.0000.
    return abs(rounded)


def _number(field: str, value: Any, wanted: str) -> Decimal:
    if type(value) is float:
        # A payload whose decimals were decoded as floats: its digits are right up to here.
        value = Decimal(repr(value))
        if len(value.as_tuple().digits) > _FLOAT_DIGITS:
            raise Unreadable(field, f"{value} went through a binary float and lost digits: send it as text")
    if type(value) is int or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return Decimal(value)
    if type(value) is Decimal and value.is_finite():
        return value
    raise Unreadable(field, f"{shown(value)} is not {wanted}")


def _negative(field: str, value: Any) -> Unreadable:
    return Unreadable(field, f"{shown(value)} is negative: a refund is a row of its own, of type refund")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
