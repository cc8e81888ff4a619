"""
Who holds what, for the person on call: a page in the admin, and JSON for `manage.py pool`.
"""

import os
from dataclasses import asdict
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core import db
from core.service_key import HEADER, is_service_key
from health.views import counters


@require_safe
def pool_json(request: HttpRequest) -> JsonResponse:
    """Answer every connection of the process that answers; 401 without the service's key."""
    if not is_service_key(request.headers.get(HEADER)):
        return JsonResponse({"detail": f"send the service's key in the header {HEADER}"}, status=401)
    body = {**_this_process(), "connections": [asdict(holder) for holder in db.pool_holders()]}
    return JsonResponse(body, headers={"Cache-Control": "no-store"})


@require_safe
def pool_page(request: HttpRequest) -> HttpResponse:
    """Show every connection of the process that answers, and all that the server sees."""
    # Before the server is asked, which takes a connection itself.
    own = [asdict(holder) for holder in db.pool_holders()]
    backends = db.server_connections()
    first_words = {backend.backend_pid: backend.first_words for backend in backends}
    context = {
        **admin.site.each_context(request),
        **_this_process(),
        "title": "Database connections",
        "connections": [{**each, "first_words": first_words.get(each["backend_pid"], "")} for each in own],
        "backends": backends,
    }
    return render(request, "health/pool.html", context)


def _this_process() -> dict[str, Any]:
    return {"process_id": os.getpid(), "pool": counters()}
