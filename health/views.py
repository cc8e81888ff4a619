"""
Is the service alive, is the database reachable, how full is the pool: asked by monitors and load balancers.

No session, no ORM, no connection outside the pool. A stranger learns numbers and fixed reason codes, never
an exception's text.
"""

import os
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from core import db
from health import readiness

SERVICE = "turnstile"


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process can answer at all; it asks no database."""
    return _answer({"status": "ok", "service": SERVICE})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """
    Answer 200 when requests should come here, else 503: the database must answer, and take writes.

    A full pool is ready: if busy replicas left the load balancer, their load would fill the others, too.
    """
    fault = readiness.of_this_process.fault()
    body = {"checks": {"database": fault.reason if fault else "ok"}}
    if fault is None or fault.reason == "pool_full":
        return _answer({"status": "ready", **body})
    db.log_503(request, fault)
    return _answer({"status": "not_ready", **body}, status=503)


@require_safe
def health_db(request: HttpRequest) -> JsonResponse:
    """Answer how full the pool is, and whether `SELECT 1` came back within HEALTH_DB_TIMEOUT."""
    fault, milliseconds = readiness.ask(db.ping)
    numbers = counters()
    body = {**numbers, "pool": numbers, "process_id": os.getpid()}
    if fault is None:
        return _answer({"status": "ok", "select_ms": round(milliseconds, 3), **body})
    db.log_503(request, fault)
    return _answer({"status": "error", "reason": fault.reason, **body}, status=503)


def counters() -> dict[str, Any]:
    """Return the pool's numbers under the names that monitors know, and each class's share of them."""
    stats = db.pool_stats()
    return {
        "pool_size": stats.pool_size,
        "checked_in": stats.checked_in,
        "checked_out": stats.checked_out,
        "overflow": stats.overflow,
        "open": stats.open,
        "connecting": stats.connecting,
        "waiting": stats.waiting,
        "max": stats.max,
        "classes": {
            each.name: {"places": each.places, "checked_out": each.checked_out, "waiting": each.waiting}
            for each in stats.classes
        },
    }


def _answer(body: dict[str, Any], *, status: int = 200) -> JsonResponse:
    response = JsonResponse({**body, "timestamp": timezone.now().isoformat()}, status=status)
    response["Cache-Control"] = "no-store"
    return response
