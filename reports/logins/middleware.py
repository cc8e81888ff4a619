"""
Who has to wait before the next attempt to log in gets a 429 that says for how long.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from reports.logins.backend import WAIT, TooManyAttempts


class LoginWaitMiddleware:
    """Give the login page that says so its status; answer an attempt that was made elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if seconds := getattr(request, WAIT, 0):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(seconds)
        return response

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, TooManyAttempts):
            return None
        return HttpResponse(error.message, content_type="text/plain; charset=utf-8")
