"""
The kinds of requests, each with places of its own: which one a request is, and what it may take.
"""

from typing import NamedTuple

from django.conf import settings

from config import body_limits
from config.borrower_classes import class_of
from health import urls as monitoring


class Kind(NamedTuple):
    """
    What requests of one kind may take of a process.

    Attributes:
        name: of its threads, in logs and in `manage.py pool`.
        threads: how many are worked on at once.
        waiting: how many more may wait for a thread.
        body_bytes: of one request.
        has_deadline: who asks gives up after SCAN_TIMEOUT, and is told so; nothing is stored afterwards.
    """

    name: str
    threads: int
    waiting: int
    body_bytes: int
    has_deadline: bool = False


# Beyond it the last one could not be served before its deadline.
GATE = Kind("gate", settings.WEB_THREADS, 1024, body_bytes=body_limits.API_BYTES, has_deadline=True)
# What devices decided while they were offline: it waits behind the gates, and holds a thread meanwhile.
UPLOAD = Kind("upload", 2, 8, body_bytes=body_limits.UPLOAD_BYTES)
# They ask no database, and answer while everything else is stuck.
ALIVE = Kind("alive", 2, 256, body_bytes=0)
# They ask it, within HEALTH_DB_TIMEOUT.
MONITOR = Kind("monitor", 4, 64, body_bytes=0)
# A password is hashed, which takes a processor for half a second.
LOGIN = Kind("login", settings.WEB_LOGINS, 8, body_bytes=body_limits.API_BYTES)
STAFF = Kind("staff", settings.WEB_STAFF_THREADS, 128, body_bytes=body_limits.STAFF_BYTES)
# Statistics, and making codes: a tool's, with the key.
TOOL = Kind("tool", 4, 64, body_bytes=body_limits.API_BYTES)
# Without the key, at an address that asks for it: the answer is quick, and the body is not read.
STRANGER = Kind("stranger", 2, 64, body_bytes=0)

ALL = (GATE, UPLOAD, ALIVE, MONITOR, LOGIN, STAFF, TOOL, STRANGER)

_ALIVE = {"/health", "/health/", "/livez", "/livez/"}
_WITH_KEY = {"/validate-qr": GATE, **dict.fromkeys(body_limits.UPLOADS, UPLOAD)}
_OF_CLASS = {"gate": GATE, "health": MONITOR}
_LOGIN = "/admin/login"
# They know their visitors by a session, or serve anybody.
_FOR_BROWSERS = ("/admin", "/static/", "/api/", "/favicon.ico")


def kind_of(path: str, *, has_key: bool, method: str = "GET") -> Kind:
    """Return the kind of a request to `path`."""
    if has_key and (found := _WITH_KEY.get(path)):
        return found
    if path in _ALIVE:
        return ALIVE
    if path in monitoring.PATHS:
        return MONITOR
    if path.startswith(_FOR_BROWSERS):
        return LOGIN if method == "POST" and path.startswith(_LOGIN) else STAFF
    if not has_key:
        return STRANGER
    return _OF_CLASS.get(class_of(path), TOOL)
