"""
Is the service alive, is the database reachable, how full is the pool: asked by monitors and load balancers.

No session, no ORM, no connection outside the pool. A stranger learns numbers and fixed reason codes, never
an exception's text.
"""

import os
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from core import db

SERVICE = "turnstile"


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process can answer at all; it asks no database."""
    return _answer({"status": "ok", "service": SERVICE})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """
    Answer 200 when requests should come here, else 503.

    A full pool is ready: if busy replicas left the load balancer, their load would fill the others, too.
    """
    reason = _check_database()["reason"]
    is_ready = reason != "unreachable"
    body = {"status": "ready" if is_ready else "not_ready", "checks": {"database": reason or "ok"}}
    return _answer(body, status=200 if is_ready else 503)


@require_safe
def health_db(request: HttpRequest) -> JsonResponse:
    """Answer how full the pool is, and whether `SELECT 1` came back within HEALTH_DB_TIMEOUT."""
    result = _check_database()
    numbers = counters()
    body = {
        "status": "error" if result["reason"] else "ok",
        **{name: value for name, value in result.items() if value is not None},
        **numbers,
        "pool": numbers,
        "process_id": os.getpid(),
    }
    return _answer(body, status=503 if result["reason"] else 200)


def _check_database() -> dict[str, Any]:
    """Return {reason: None or a fixed code, select_ms: milliseconds or None}."""
    try:
        milliseconds = db.ping(settings.HEALTH_DB_TIMEOUT)
    except db.DriverError as error:
        return {"reason": db.unavailable_reason(error), "select_ms": None}
    return {"reason": None, "select_ms": round(milliseconds, 3)}


def counters() -> dict[str, int]:
    """Return the pool's numbers under the names that monitors know."""
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
    }


def _answer(body: dict[str, Any], *, status: int = 200) -> JsonResponse:
    response = JsonResponse({**body, "timestamp": timezone.now().isoformat()}, status=status)
    response["Cache-Control"] = "no-store"
    return response
