"""
The HTTP API: its routers, its key, its errors, and the OpenAPI document that covers every endpoint.
"""

import re
from typing import Any, Never

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.openapi.schema import OpenAPISchema
from ninja.security import APIKeyHeader

import health.openapi
from analytics.api import lists, offline, reported, stats, tickets
from analytics.ids import IdReused
from config import body_limits, service_key


class ServiceKey(APIKeyHeader):
    """Asks for the service's key in its header, before the body is read. Asks no database."""

    param_name = service_key.HEADER

    def authenticate(self, request: HttpRequest, key: str | None) -> bool:
        if not service_key.is_service_key(key):
            return False
        body_limits.check_headers(request.headers, limit=body_limits.api_limit(request.path_info))
        return True


class DocumentedAPI(NinjaAPI):
    """An API whose document also describes the plain views of `health`, which are outside it."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        document = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        document["paths"].update(health.openapi.PATHS)
        return document


def _version() -> str:
    """Return the topmost released version of CHANGELOG.md: it stands nowhere else."""
    changelog = (settings.BASE_DIR / "CHANGELOG.md").read_text(encoding="utf-8")
    return str(re.findall(r"^## \[(\d[^]]*)\]", changelog, re.MULTILINE)[0])


api = DocumentedAPI(
    title="Turnstile",
    version=_version(),
    description="What happens at the gates of ticketed events. Instants are UTC.",
    auth=ServiceKey(),
    openapi_url="/api/openapi.json",
    docs_url="/api/docs",
    urls_namespace="api",
)
for _router in (tickets.router, offline.router, reported.router, stats.router, lists.router):
    api.add_router("", _router)


@api.exception_handler(AuthenticationError)
def _answer_no_key(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return api.create_response(request, {"detail": service_key.REFUSAL}, status=401)


@api.exception_handler(IdReused)
def _answer_id_reused(request: HttpRequest, error: IdReused) -> HttpResponse:
    return api.create_response(request, {"detail": str(error)}, status=409)


@api.exception_handler(body_limits.BodyRefused)
def _answer_refused_body(request: HttpRequest, error: body_limits.BodyRefused) -> HttpResponse:
    return api.create_response(request, {"detail": str(error)}, status=error.status)


@api.exception_handler(Exception)
def _leave_to_django(request: HttpRequest, error: Exception) -> Never:
    """
    Raise on: `config.unavailable` answers a fault of the database, Django's 500 any other.

    Ninja's own handler would show a traceback instead when DEBUG is on, also for a full pool.
    """
    raise error
