"""
A database fault is answered 503 with Retry-After, never as a wrong answer and never as a 500.

One place for every part of the service: the API, the admin and the error handler ask it.
"""

import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse

from core import db

RETRY_AFTER_SECONDS = 1


def answer_unavailable(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Return the 503 with a fixed reason, never the exception's text."""
    return JsonResponse(
        {"status": "error", "reason": db.unavailable_reason(error)},
        status=503,
        headers={"Retry-After": str(RETRY_AFTER_SECONDS), "Cache-Control": "no-store"},
    )


class DatabaseUnavailableMiddleware:
    """Turn a database fault of any view into the 503."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return answer_unavailable(request, error) if db.is_unavailable(error) else None


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what failed outside a view, such as saving the session: handler500 of the URLs."""
    error = sys.exc_info()[1]
    if error is not None and db.is_unavailable(error):
        return answer_unavailable(request, error)
    return HttpResponseServerError("<h1>Server error</h1><p>It has been logged.</p>")
