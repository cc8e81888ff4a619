"""
Rows as JSON text: whole, with every digit of every number, and in a form that Postgres' jsonb can hold.
"""

import json
from decimal import Decimal
from typing import Any

import msgspec

from etl import limits

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)
# jsonb's numbers end there; what is longer is kept as text.
_DIGITS = 1000


def as_json(payload: Any) -> str:
    """
    Return `payload` as JSON text for a jsonb column, numbers digit for digit.

    What jsonb cannot hold (NUL, half characters, endless numbers) or `limits.PAYLOAD` does not allow becomes
    one string: the JSON text itself, escaped, or its beginning.
    """
    try:
        text = _encoder.encode(payload).decode()
        is_storable = "\\u0000" not in text and _is_within_jsonb(payload)
    except UnicodeEncodeError:
        text, is_storable = json.dumps(payload, default=_number), False
    if is_storable and len(text) <= limits.PAYLOAD:
        return text
    return json.dumps(text[: limits.PAYLOAD].replace("\x00", "?"))


def from_json(text: str | bytes) -> Any:
    """
    Return what `as_json` was given; a payload that was cut comes back as the string that is left of it.

    Raises:
        ValueError: `text` is not JSON.
    """
    payload = parsed(text)
    if not isinstance(payload, str):
        return payload
    try:
        return parsed(payload)
    except ValueError:
        return payload


def parsed(text: str | bytes) -> Any:
    """
    Return the value of JSON text, with decimals as Decimal.

    Raises:
        ValueError: not JSON, not UTF-8, or nested too deeply.
    """
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        # It takes what msgspec does not: half characters, NaN, endless numbers. Who reads a field decides.
        return _leniently_parsed(text)


def _leniently_parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_int=_whole, parse_constant=str)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(digits: str) -> int | Decimal:
    # Python refuses to read an int of more digits.
    return int(digits) if len(digits) < _DIGITS else Decimal(digits)


def _number(value: Any) -> str:
    return str(value)


def _is_within_jsonb(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_within_jsonb(item) for item in value.values())
    if isinstance(value, list):
        return all(_is_within_jsonb(item) for item in value)
    return not isinstance(value, Decimal) or (value.is_finite() and abs(value.adjusted()) < _DIGITS)
