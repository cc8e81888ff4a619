"""
The key that every device and tool of the service sends: settings.SERVICE_API_KEY. Asks no database.
"""

import secrets
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

HEADER = "X-Service-Key"
REFUSAL = f"send the service's key in the header {HEADER}"


def is_service_key(sent: str | bytes | None) -> bool:
    """Tell whether `sent` is the service's key, in a time that does not tell how much of it was right."""
    # As bytes: compare_digest refuses text outside ASCII, and a header may carry any.
    given = sent.encode("utf-8", "replace") if isinstance(sent, str) else sent or b""
    return secrets.compare_digest(given, settings.SERVICE_API_KEY.encode())


def required(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Return `view` for who sends the service's key; anybody else is answered 401."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if is_service_key(request.headers.get(HEADER)):
            return view(request)
        return JsonResponse({"detail": REFUSAL}, status=401)

    return guarded
