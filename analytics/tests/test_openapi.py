"""The OpenAPI document covers every endpoint, and the service does what it says for any input (S6)."""

from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, get_resolver
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from config.wsgi import application

schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application)


@schema.auth()
class Key:
    """Sends the service's key, and leaves it out where schemathesis checks that it is asked for."""

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str:
        return str(settings.SERVICE_API_KEY)

    def set(self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext) -> None:
        case.headers["X-Service-Key"] = data


@schema.hook
def filter_query(context: schemathesis.HookContext, query: dict[str, Any] | None) -> bool:
    """Leave out periods that end before they start: 422, and no JSON schema can say so."""
    start, end = (str((query or {}).get(name, "")) for name in ("from_ts", "to_ts"))
    return not (start and end and start > end)


class TestTheDocument:
    def test_covers_every_endpoint(self, client: Client) -> None:
        document = client.get("/api/openapi.json").json()

        patterns = _endpoints(get_resolver().url_patterns)
        assert set(document["paths"]) == {f"/{path}" for path in patterns}

    def test_names_the_version_that_the_changelog_names(self, client: Client) -> None:
        version = client.get("/api/openapi.json").json()["info"]["version"]

        assert f"\n## [{version}] - " in (settings.BASE_DIR / "CHANGELOG.md").read_text()

    def test_asks_for_the_key_everywhere_but_at_the_health_endpoints(self, client: Client) -> None:
        paths: dict[str, Any] = client.get("/api/openapi.json").json()["paths"]

        open_paths = {
            path for path, methods in paths.items() for call in methods.values() if not call.get("security")
        }
        assert open_paths == {"/health", "/livez", "/ready", "/readyz", "/health/db"}


class TestItsPage:
    def test_loads_nothing_from_elsewhere(self, client: Client) -> None:
        page = client.get("/api/docs").content.decode()

        assert "/static/ninja/swagger-ui-bundle.js" in page
        assert "http://" not in page
        assert "https://" not in page


def _endpoints(patterns: list[Any]) -> set[str]:
    """Return the routes of the API and of the health views: not the admin's, the icon's or the document's."""
    routes: set[str] = set()
    for pattern in patterns:
        route = str(pattern.pattern).replace("<ticket_id>", "{ticket_id}")
        if isinstance(pattern, URLPattern):
            # With a slash at its end or without, it is the same endpoint.
            routes |= {route.rstrip("/")} - {"", "favicon.ico", "api/openapi.json", "api/docs"}
        elif route != "admin/":
            routes |= _endpoints(pattern.url_patterns)
    return {route for route in routes if not route.startswith("admin/")}


# The real server's way through Django gives the connection back after each request.
@pytest.mark.real_pool
@pytest.mark.django_db(transaction=True)
@schema.parametrize()
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)
def test_any_input_is_answered_as_documented(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()
