"""Who holds what: /health/pool, the admin's page."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from core.activity import first_words
from core.pool import SharedPool
from core.tests.fixtures import held

pytestmark = pytest.mark.real_pool


class TestFirstWords:
    @pytest.mark.parametrize(
        ("statement", "shown"),
        [
            ("SELECT *\n  FROM ticket_scans", "SELECT * FROM ticket_scans"),
            ("SELECT 1 WHERE name = 'O''Hara' AND id = 42", "SELECT ? WHERE name = ? AND id = ?"),
            ("SELECT 'cut in the midd", "SELECT ?"),
            ("x" * 500, "x" * 60),
        ],
    )
    def test_show_the_statement_and_no_literal(self, statement: str, shown: str) -> None:
        assert first_words(statement) == shown


class TestThePoolsJson:
    def test_lists_what_is_in_use_and_what_is_idle(self, client: Client, django_pool: SharedPool) -> None:
        with held(django_pool, 2):
            body = client.get("/health/pool", headers={"X-Service-Key": settings.SERVICE_API_KEY}).json()

        assert body["pool"]["checked_out"] == 2
        assert [each["state"] for each in body["connections"]] == ["in use", "in use"]
        assert body["connections"][0]["thread"] == "holder"
        assert "fixtures.py" in body["connections"][0]["borrowed_at"]

    @pytest.mark.parametrize("key", [None, "", "wrong", "ü" * 40])
    def test_asks_for_the_services_key(self, client: Client, django_pool: SharedPool, key: Any) -> None:
        before = django_pool.get_stats().get("requests_num")

        answer = client.get("/health/pool", headers={"X-Service-Key": key} if key is not None else {})

        assert answer.status_code == 401
        assert django_pool.get_stats().get("requests_num") == before


class TestTheAdminPage:
    def test_shows_both_views(self, admin_client: Client, django_pool: SharedPool) -> None:
        with held(django_pool, 1):
            page = admin_client.get("/admin/pool/").content.decode()

        assert "holder" in page
        assert "turnstile:" in page
        assert "as the server sees them" in page

    def test_is_for_staff(self, client: Client, django_pool: SharedPool) -> None:
        assert client.get("/admin/pool/").status_code == 302

    def test_is_linked_from_the_start_page(self, admin_client: Client, django_pool: SharedPool) -> None:
        assert 'href="/admin/pool/"' in admin_client.get("/admin/").content.decode()
