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
from core.activity import Backend, Holder
from health.views import counters

# What the two tables show, on the page and in a terminal, in the order of their cells.
CLASS_HEADERS = ("Class", "May have, with those below", "In use", "Waiting")
OWN_HEADERS = (
    "State",
    "Library",
    "Class",
    "Thread",
    "Held for",
    "Age",
    "Backend",
    "Borrowed at",
    "Last statement",
)
BACKEND_HEADERS = ("Process", "Backend", "State", "For", "Age", "Last statement")


def pool_json(_request: HttpRequest) -> JsonResponse:
    """Answer every connection of the process that answers; its address asks for the service's key."""
    body = {**_this_process(), "connections": [asdict(holder) for holder in db.pool_holders()]}
    return JsonResponse(body, headers={"Cache-Control": "no-store"})


@require_safe
def pool_page(request: HttpRequest) -> HttpResponse:
    """Show every connection of the process that answers, and all that the server sees."""
    # Before the server is asked, which takes a connection itself.
    own = db.pool_holders()
    backends = db.server_connections()
    first_words = {backend.backend_pid: backend.first_words for backend in backends}
    context = {
        **admin.site.each_context(request),
        **_this_process(),
        "title": "Database connections",
        "classes": {"headers": CLASS_HEADERS, "rows": _class_rows()},
        "own": {
            "headers": OWN_HEADERS,
            "rows": [_own_row(each, first_words.get(each.backend_pid, "")) for each in own],
        },
        "backends": {"headers": BACKEND_HEADERS, "rows": [_backend_row(each) for each in backends]},
    }
    return render(request, "health/pool.html", context)


def _class_rows() -> list[list[Any]]:
    return [[each.name, each.places, each.checked_out, each.waiting] for each in db.pool_stats().classes]


def _own_row(holder: Holder, first_words: str) -> list[Any]:
    held = f"{holder.held_seconds:.1f} s" if holder.borrower else ""
    age = f"{holder.age_seconds:.0f} s"
    state, held, age = map(_on_one_line, (holder.state, held, age))
    who = (state, holder.borrower, holder.borrower_class, holder.thread)
    return [*who, held, age, holder.backend_pid, holder.borrowed_at, first_words]


def _backend_row(backend: Backend) -> list[Any]:
    times = (f"{backend.in_state_seconds:.1f} s", f"{backend.age_seconds:.0f} s")
    brief = [_on_one_line(each) for each in (backend.state, *times)]
    return [backend.application_name, backend.backend_pid, *brief, backend.first_words]


def _on_one_line(text: str) -> str:
    """Return a short cell as the browser does not break it."""
    return text.replace(" ", "\u00a0")


def _this_process() -> dict[str, Any]:
    return {"process_id": os.getpid(), "pool": counters()}
