"""
How large a request's body may be, and how long it may take: a body that never ends must hold nothing.
"""

from collections.abc import Mapping

from django.conf import settings

# The longest text that is still told from a ticket, each character as JSON may escape it, and the rest.
API_BYTES = 64 * 1024
# As many scans as a device uploads at once, with codes of a usual length.
UPLOAD_BYTES = 2 * 1024 * 1024
UPLOADS = {"/scans/batch"}
# Forms. What Django would refuse anyway is not read.
STAFF_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 2_621_440
# Bodies that one process holds at once; what no scanner's device needs.
ALL_BYTES = 64 * 1024 * 1024
SECONDS = 30.0


class BodyRefused(Exception):
    """
    A body that is not read, or not to its end: the text says what to do instead.

    Attributes:
        status: the answer's.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def api_limit(path: str) -> int:
    """Return how large a body may be that is sent to the API at `path`, in bytes."""
    return UPLOAD_BYTES if path in UPLOADS else API_BYTES


def too_large(limit: int) -> BodyRefused:
    """Return the error for a body of more than `limit` bytes."""
    return BodyRefused(413, f"the body is too large for any request here: send at most {limit:,} bytes")


def check_headers(headers: Mapping[str, str], *, limit: int) -> None:
    """
    Look at what a request says of its body before that is read.

    Raises:
        BodyRefused: it is larger than `limit` bytes; or its length is not given, to a server that needs it.
    """
    length = headers.get("Content-Length") or ""
    if not length and headers.get("Transfer-Encoding"):
        raise BodyRefused(411, "send Content-Length instead of Transfer-Encoding")
    if length.isdecimal() and int(length) > limit:
        raise too_large(limit)
