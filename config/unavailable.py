"""
What the service cannot serve now is answered 503 with Retry-After, never as a wrong answer, never as a 500.

One place for every part of the service: the API, the admin, the error handler and the front door ask it.
"""

import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse

from analytics.deadlines import DeadlinePassed
from analytics.recorder.line import LineFull
from core import db

RETRY_AFTER_SECONDS = 1
HEADERS = {"Retry-After": str(RETRY_AFTER_SECONDS), "Cache-Control": "no-store"}
TOO_LATE = "too_late"
OVERLOADED = "overloaded"


def answer_unavailable(request: HttpRequest, error: BaseException) -> HttpResponse | None:
    """
    Return the 503 when the database cannot serve now, else None: `error` is a caller's mistake or ours.

    It has a fixed reason, never the exception's text; the cause goes to the log.
    """
    for kind, reason in ((DeadlinePassed, TOO_LATE), (LineFull, OVERLOADED)):
        if isinstance(error, kind):
            db.log_503(request, reason)
            return JsonResponse(body(reason), status=503, headers=HEADERS)
    found = db.diagnose(error)
    if found is None:
        return None
    db.log_503(request, found)
    return JsonResponse(body(found.reason), status=503, headers=HEADERS)


def body(reason: str) -> dict[str, str]:
    """Return what every 503 says."""
    return {"status": "error", "reason": reason}


class DatabaseUnavailableMiddleware:
    """Turn a database fault of any view into the 503."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return answer_unavailable(request, error)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what failed outside a view, such as saving the session: handler500 of the URLs."""
    error = sys.exc_info()[1]
    answer = error and answer_unavailable(request, error)
    return answer or HttpResponseServerError("<h1>Server error</h1><p>It has been logged.</p>")
