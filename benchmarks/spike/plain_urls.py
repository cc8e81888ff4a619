"""
Its one page: the key, the signature, one INSERT; and /health, which says that it is there.
"""

import json
import os
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone

from analytics import qr
from benchmarks.spike import systems

_COLUMNS = (
    "scan_id", "event_id", "ticket_id", "outcome", "reason", "is_genuine", "gate", "scanner_id", "scanned_at",
    "received_at", "is_offline", "is_forced",
)  # fmt: skip
_HEAD = f"INSERT INTO ticket_scans ({', '.join(_COLUMNS)}) VALUES "
_FOR_DJANGO = f"{_HEAD}({', '.join(f'%({name})s' for name in _COLUMNS)})"
_FOR_SQLALCHEMY = sqlalchemy.text(f"{_HEAD}({', '.join(f':{name}' for name in _COLUMNS)})")
_URL = sqlalchemy.make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")


def _through_django(row: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FOR_DJANGO, row)


def _through(engine: sqlalchemy.Engine, row: Mapping[str, Any]) -> None:
    with engine.begin() as borrowed:
        borrowed.execute(_FOR_SQLALCHEMY, row)


_queuepool = sqlalchemy.create_engine(_URL, pool_size=5, max_overflow=10, pool_timeout=30)
# The legacy service's: nobody disposes of an engine.
_WAYS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    systems.QUEUEPOOL: lambda row: _through(_queuepool, row),
    systems.ENGINE_PER_WRITE: lambda row: _through(sqlalchemy.create_engine(_URL), row),
}
_store = _WAYS.get(os.environ["SPIKE_SYSTEM"], _through_django)


def validate(request: HttpRequest) -> JsonResponse:
    """Store what a genuine ticket says."""
    if request.headers.get("X-Service-Key") != settings.SERVICE_API_KEY:
        return _answer({"detail": "Unauthorized"}, status=401)
    reading = qr.read(json.loads(request.body)["qr_text"])
    if reading.reason:
        return _answer({"isValid": False, "reason": reading.reason})
    now, scan_id = timezone.now(), uuid.uuid4()
    values = (
        scan_id, reading.event_id, reading.ticket_id, "admitted", "", True, "north", "1", now, now,
        False, False,
    )  # fmt: skip
    _store(dict(zip(_COLUMNS, values, strict=True)))
    return _answer({"isValid": True, "outcome": "admitted", "scan_id": scan_id})


def _answer(body: Mapping[str, Any], status: int = 200) -> JsonResponse:
    """Say how long it is, as Django's own middleware does: without that, it would go out in chunks."""
    response = JsonResponse(body, status=status)
    response.headers["Content-Length"] = str(len(response.content))
    return response


def health(_: HttpRequest) -> JsonResponse:
    """Say so."""
    return JsonResponse({"status": "ok"})


urlpatterns = [path("validate-qr", validate), path("health", health)]
