"""
How long untrusted text may be before it reaches the database, in characters.

The models, the QR reader and the API read these numbers here; no other module repeats one of them.
"""

EVENT_ID = 200
EVENT_NAME = 200
# That one gate may serve at a time.
EVENTS = 100
# In one upload of a device that was offline.
OFFLINE_SCANS = 1000
TIMEZONE = 64
TICKET_ID = 128
USER = 128
GATE = 64
SCANNER_ID = 64
# As it is sent: a UUID, in any of its spellings.
SCAN_ID = 64
OUTCOME = 16
REASON = 32
TRANSFER_REASON = 200
DETAIL = 500

# A QR code of the largest size, with error correction M, holds 2,331 bytes: more is no ticket of ours.
QR_TEXT = 4096
# A QR payload is flat: what nests deeper than this is malformed.
NESTING = 8


def is_storable(text: str, *, length: int) -> bool:
    """Return whether Postgres can hold `text` as it is: 1 to `length` characters of real Unicode, no NUL."""
    if text.isascii():
        return 0 < len(text) <= length and "\x00" not in text
    return 0 < len(text) <= length and text == bounded(text, length=length)


def bounded(text: str, *, length: int) -> str:
    """Return the first `length` characters of `text`, with "?" for what Postgres cannot hold."""
    return text[:length].replace("\x00", "?").encode("utf-8", "replace").decode()
