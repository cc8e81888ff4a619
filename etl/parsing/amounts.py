"""
Numbers as a source tells them: whole quantities, and money as Decimal. No float is ever computed with.
"""

import re
from decimal import Decimal
from typing import Any, cast

from etl import limits
from etl.parsing.unreadable import Unreadable, shown

_CENT = Decimal("0.01")
_SMALLEST = Decimal(1).scaleb(-limits.AMOUNT_DECIMALS)
_WHOLE_DIGITS = limits.AMOUNT_DIGITS - limits.AMOUNT_DECIMALS
_TOO_LARGE = Decimal(10) ** _WHOLE_DIGITS
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
# A binary float holds that many decimal digits exactly as they were written.
_FLOAT_DIGITS = 15


def quantity(field: str, value: Any) -> int:
    """
    Return a whole number of tickets from 0 on.

    Raises:
        Unreadable: no number, negative, with a fraction, or too large.
    """
    number = _number(field, value, "a whole number, such as 2")
    if number < 0:
        raise Unreadable(field, f"{shown(value)} is negative: a refund is a row of its own, of type refund")
    if number > limits.QUANTITY:
        raise Unreadable(field, f"{shown(value)} is too large: {limits.QUANTITY} tickets are the most")
    if number != int(number):
        raise Unreadable(field, f"{shown(value)} is not a whole number of tickets")
    return int(number)


def money(field: str, value: Any) -> Decimal:
    """
    Return an amount of money from 0 on, with at most AMOUNT_DECIMALS decimals.

    Raises:
        Unreadable: no number, negative, too large or too fine: it is never rounded.
    """
    # The usual amount, quickly: this runs for every row.
    is_cents = type(value) is Decimal and value.same_quantum(_CENT) and not value.is_signed()
    if is_cents and value.adjusted() < _WHOLE_DIGITS:
        return cast("Decimal", value)
    number = _number(field, value, "a decimal number such as 12.50, with a point and without separators")
    if number < 0:
        raise Unreadable(field, f"{shown(value)} is negative: a refund is a row of its own, of type refund")
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
        # A payload that was read without care for decimals: its digits are right up to here.
        value = Decimal(repr(value))
        if len(value.as_tuple().digits) > _FLOAT_DIGITS:
            raise Unreadable(field, f"{value} went through a binary float and lost digits: send it as text")
    if type(value) is int or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return Decimal(value)
    if type(value) is Decimal and value.is_finite():
        return value
    raise Unreadable(field, f"{shown(value)} is not {wanted}")
