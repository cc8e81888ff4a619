"""
The OpenAPI description of the health endpoints, which are plain views outside the API's framework.
"""

from typing import Any, get_args

from core import db

_INSTANT = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_COUNTERS: dict[str, Any] = dict.fromkeys(
    ("pool_size", "checked_in", "checked_out", "overflow", "open", "connecting", "waiting", "max"), _COUNT
)
_OF_A_CLASS = ("places", "checked_out", "waiting")
_COUNTERS["classes"] = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": dict.fromkeys(_OF_A_CLASS, _COUNT),
        "required": list(_OF_A_CLASS),
    },
}


def _answer(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _path(name: str, summary: str, answers: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
    """Describe a GET; `key` is the API's security scheme that it asks for."""
    operation = {
        "operationId": f"health_{name}",
        "summary": summary,
        "tags": ["health"],
        "responses": answers,
        "security": [{key: []}] if key else [],
    }
    return {"get": operation}


def _readiness(status: str) -> dict[str, Any]:
    return {
        "status": {"const": status},
        "checks": {"type": "object", "additionalProperties": {"type": "string"}},
        "timestamp": _INSTANT,
    }


_COUNTER_OBJECT = {"type": "object", "properties": _COUNTERS, "required": list(_COUNTERS)}

_POOL: dict[str, Any] = {
    **_COUNTERS,
    "pool": _COUNTER_OBJECT,
    "process_id": {"type": "integer"},
    "timestamp": _INSTANT,
}

_CONNECTIONS: dict[str, Any] = {
    "process_id": {"type": "integer"},
    "pool": _COUNTER_OBJECT,
    "connections": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "state": {"enum": ["in use", "idle"]},
                "backend_pid": {"type": "integer"},
                "age_seconds": {"type": "number"},
                "borrower_class": {"type": "string"},
                "borrower": {"type": "string"},
                "thread": {"type": "string"},
                "held_seconds": {"type": "number"},
                "borrowed_at": {"type": "string"},
            },
        },
    },
}

_ALIVE: tuple[str, dict[str, Any]] = (
    "Is the process alive? Asks no database.",
    {
        "200": _answer(
            "alive",
            {"status": {"const": "ok"}, "service": {"type": "string"}, "timestamp": _INSTANT},
        )
    },
)
_READY: tuple[str, dict[str, Any]] = (
    "Should requests come here? A full pool is ready; a database that takes no writes is not.",
    {
        "200": _answer("ready", _readiness("ready")),
        "503": _answer("the database cannot serve now", _readiness("not_ready")),
    },
)

# Each of them but the pool's answers with a slash at its end, too.
PATHS: dict[str, Any] = {
    "/health": _path("alive", *_ALIVE),
    "/livez": _path("livez", *_ALIVE),
    "/ready": _path("ready", *_READY),
    "/readyz": _path("readyz", *_READY),
    "/health/db": _path(
        "db",
        "Is the database reachable through the pool, and how full is the pool?",
        {
            "200": _answer("ok", {"status": {"const": "ok"}, "select_ms": {"type": "number"}, **_POOL}),
            "503": _answer(
                "the database cannot serve now",
                {"status": {"const": "error"}, "reason": {"enum": list(get_args(db.Reason))}, **_POOL},
            ),
        },
    ),
    "/health/pool": _path(
        "pool",
        "Who holds which connection of the process that answers?",
        {
            "200": _answer("the connections, the longest held first", _CONNECTIONS),
            "401": _answer("the service's key is missing or wrong", {"detail": {"type": "string"}}),
        },
        key="ServiceKey",
    ),
}
