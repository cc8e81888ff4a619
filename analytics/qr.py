"""
The signed QR payload: what a ticket's code says, and whether it is genuine.

Pure functions over text and settings.QR_SIGNING_KEY; nothing here reads the database, and no text, however
hostile, makes `read` raise.
"""

import hmac
import io
import json
import math
from collections.abc import Collection, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Never, TypeGuard

import msgspec
import segno
from django.conf import settings

from analytics import limits

Payload = Mapping[str, Any]


class Refusal(StrEnum):
    """Why a reading is no ticket, or none of this event's: the `reason` of a refused scan."""

    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    INVALID_SIGNATURE = "invalid_signature"
    # A genuine ticket, but not here.
    WRONG_EVENT = "wrong_event"


class Reading(NamedTuple):
    """
    What a scanner read.

    `reason` is "" when the ticket may be admitted. `ticket_id` and `event_id` are then exact; in a refused
    reading they are the claims, bounded, and "" when there are none. `payload` has no `sig`, and is None
    unless the signature is genuine.
    """

    is_genuine: bool
    reason: str
    payload: Payload | None = None
    ticket_id: str = ""
    event_id: str = ""


class CodeTooLarge(ValueError):
    """
    The token does not fit into a QR code.

    If you are hitting this, shorten the event or the user: characters outside ASCII take 6 or 12 bytes each.
    """


def signature(payload: Payload) -> str:
    """Return the hex HMAC-SHA256 of the canonical JSON of `payload` (which has no `sig`)."""
    keyed = _keyed(settings.QR_SIGNING_KEY).copy()
    keyed.update(_canonical(payload))
    return keyed.hexdigest()


# The key is hashed once, not for each code.
@lru_cache(maxsize=2)
def _keyed(key: str) -> hmac.HMAC:
    return hmac.new(key.encode(), digestmod="sha256")


def sign(payload: Payload) -> str:
    """Return the token that goes into the code: JSON of `payload` with its `sig`, in ASCII."""
    return json.dumps({**payload, "sig": signature(payload)}, separators=(",", ":"))


def code_as_png(token: str) -> bytes:
    """
    Draw `token` as a QR code, error correction M.

    Raises:
        CodeTooLarge: more than 2,331 bytes.
    """
    try:
        code = segno.make_qr(token, error="m", boost_error=False)
    except segno.DataOverflowError:
        raise CodeTooLarge(f"a token of {len(token)} characters does not fit into a QR code") from None
    png = io.BytesIO()
    code.save(png, kind="png", scale=8)
    return png.getvalue()


def read(qr_text: str) -> Reading:
    """Read the text of a code; what is no ticket comes back with a `Refusal` as its reason."""
    if len(qr_text) > limits.QR_TEXT:
        return Reading(is_genuine=False, reason=Refusal.TOO_LONG)
    payload = _parse(qr_text)
    if payload is None:
        return Reading(is_genuine=False, reason=Refusal.MALFORMED)
    sig = payload.pop("sig", None)
    refusal = _refusal_of_signature(sig, payload)
    if refusal or not _names_a_ticket(payload):
        return _refused(payload, refusal)
    return Reading(
        is_genuine=True, reason="", payload=payload, ticket_id=payload["ticket_id"], event_id=payload["event"]
    )


def read_for(qr_text: str, events: Collection[str]) -> Reading:
    """Read the text of a code at a gate of these events, or of any where there are none."""
    reading = read(qr_text)
    if events and not reading.reason and reading.event_id not in events:
        return reading._replace(reason=Refusal.WRONG_EVENT)
    return reading


def _refused(payload: Payload, refusal: Refusal | None) -> Reading:
    """Keep the claims of a reading; without a `refusal` of its signature it is genuine, but malformed."""
    ticket_id, event_id = payload.get("ticket_id"), payload.get("event")
    return Reading(
        is_genuine=refusal is None,
        reason=refusal or Refusal.MALFORMED,
        payload=payload if refusal is None else None,
        ticket_id=limits.bounded(ticket_id, length=limits.TICKET_ID) if isinstance(ticket_id, str) else "",
        # Cut short, it could name another event.
        event_id=event_id if _is_storable(event_id, limits.EVENT_ID) else "",
    )


def _refusal_of_signature(sig: object, payload: Payload) -> Refusal | None:
    if not isinstance(sig, str):
        return Refusal.UNSIGNED
    # As bytes: compare_digest refuses text outside ASCII.
    is_genuine = hmac.compare_digest(sig.encode("utf-8", "replace"), signature(payload).encode())
    return None if is_genuine else Refusal.INVALID_SIGNATURE


def _names_a_ticket(payload: Payload) -> bool:
    return _is_storable(payload.get("ticket_id"), limits.TICKET_ID) and _is_storable(
        payload.get("event"), limits.EVENT_ID
    )


def _is_storable(value: object, length: int) -> TypeGuard[str]:
    return isinstance(value, str) and limits.is_storable(value, length=length)


def _parse(qr_text: str) -> dict[str, Any] | None:
    """Return the JSON object, or None: not JSON, not an object, too deep, a number without a value."""
    try:
        return _decode_texts(qr_text)
    except (msgspec.MsgspecError, ValueError):
        # It is something else than we sign, or nothing.
        pass
    try:
        value = _decode(qr_text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _is_shallow(value, limits.NESTING) else None


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is too large for a float")
    return number


def _canonical(payload: Payload) -> bytes:
    """Return the JSON that is signed: keys sorted, no spaces, ASCII."""
    if all(type(value) is str for value in payload.values()):
        with suppress(ValueError):
            text = _encode_texts(payload)
            if text.isascii() and b"\x7f" not in text:
                return text
    return _encode(payload).encode()


# What we sign is flat, and all of it is text. msgspec reads and writes that in a tenth of the time, and where
# it does, it is what json reads and writes: `test_qr` compares them.
_decode_texts = msgspec.json.Decoder(dict[str, str]).decode
_encode_texts = msgspec.json.Encoder(order="sorted").encode
# Made once: json makes its own for each call with options, which takes a third of a reading.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode
_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode


def _is_shallow(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    children = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(child, levels - 1) for child in children)
