"""
The id of a sale whose source gives it none: a hash of all that the source tells of it.

Equal rows have equal ids, whatever the order of their keys and however their numbers are written.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

_canonical = msgspec.json.Encoder(order="deterministic")
# A number further from one than this is not written out: it could take all memory.
_WRITTEN_OUT = 100


def identity_of(payload: Mapping[str, Any]) -> str:
    """Return "sha256:" and 64 hex digits."""
    try:
        canonical = _canonical.encode(_plain(payload))
    except UnicodeEncodeError:
        # Half of a character, as JSON may escape it.
        canonical = repr(sorted(payload.items())).encode()
    return f"sha256:{hashlib.sha256(canonical).hexdigest()}"


def _plain(value: Any) -> Any:
    """Replace each number by one way to write it, marked so that it differs from the same text."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return [_digits(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))]
    return value


def _digits(number: Decimal) -> str:
    if not number or not number.is_finite():
        return "0" if not number else str(number)
    # Not normalize(): it rounds to the context's precision.
    if abs(number.adjusted()) > _WRITTEN_OUT:
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
