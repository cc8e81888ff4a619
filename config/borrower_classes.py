"""
Who borrows for what: a request's address says which class of borrowers its work belongs to.

The gates come first, then staff; monitoring goes to the head of the queue, within its own short deadline. A
`manage.py` command is a batch, but for a server: see `config.database`.
"""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse

from core import db
from health import urls

# By address; all others are staff's.
CLASSES: Mapping[str, str] = {
    **dict.fromkeys((*urls.PATHS, "/health/pool"), "health"),
    **dict.fromkeys(("/validate-qr", "/scans/batch", "/transfers", "/invalid-attempts"), "gate"),
}


def class_of(path: str) -> str:
    """Return the class of what is done at an address."""
    return CLASSES.get(path, "staff")


class BorrowerClassMiddleware:
    """Let all that a request does borrow as its class; a body that is streamed is staff's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return db.run_as(class_of(request.path_info), self._get_response, request)
