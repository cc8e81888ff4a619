"""Who may ask: nobody without the service's key, and before any database work."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from analytics.tests.conftest import Call
from core.db import pool_stats

ENDPOINTS = [
    ("POST", "/generate-qr"),
    ("POST", "/validate-qr"),
    ("POST", "/scans/batch"),
    ("GET", "/qr/scan-log/TKT-001"),
    ("POST", "/transfers"),
    ("POST", "/invalid-attempts"),
    ("GET", "/stats"),
    ("GET", "/stats/scans"),
    ("GET", "/stats/transfers"),
    ("GET", "/stats/invalid-attempts"),
    ("GET", "/stats/heatmap"),
    ("GET", "/health/pool"),
]
endpoint = pytest.mark.parametrize(("method", "path"), ENDPOINTS)


# No fixture gives these tests a database: pytest-django fails a test that asks for one.
class TestWithoutTheKey:
    @endpoint
    def test_is_401(self, method: str, path: str) -> None:
        answer = Client().generic(method, path)

        assert answer.status_code == 401
        assert answer.json() == {"detail": "send the service's key in the header X-Service-Key"}

    @endpoint
    @pytest.mark.parametrize(
        "key", ["", "wrong", settings.SERVICE_API_KEY + "x", "ключ", "\xff\xfe"], ids=ascii
    )
    def test_is_401_with_a_wrong_one(self, method: str, path: str, key: str) -> None:
        answer = Client().generic(method, path, headers={"x-service-key": key})

        assert answer.status_code == 401

    @pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json", "/health"])
    def test_documentation_and_liveness_are_open(self, path: str) -> None:
        assert Client().get(path).status_code == 200


class TestTheListOfEndpoints:
    def test_is_complete(self, get: Call) -> None:
        documented = {
            (method.upper(), path.replace("{ticket_id}", "TKT-001"))
            for path, methods in get("/api/openapi.json").json()["paths"].items()
            for method in methods
            if methods[method].get("security")
        }

        assert documented == set(ENDPOINTS)


@pytest.mark.real_pool
@pytest.mark.usefixtures("django_pool")
class TestARefusedRequest:
    def test_borrows_no_connection(self, post: Call, get: Call) -> None:
        refused: list[Any] = [
            Client().post("/validate-qr"),
            post("/validate-qr", qr_text=1),
            get("/stats/scans", page=0),
        ]

        assert [answer.status_code for answer in refused] == [401, 422, 422]
        assert pool_stats().open == 0
