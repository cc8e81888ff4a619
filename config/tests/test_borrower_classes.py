"""Which class of borrowers a piece of the service's work belongs to (contract line G1)."""

import sys
import threading
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import resolve

from analytics.tests.conftest import ticket
from config import borrower_classes, database
from core.backend import application_name
from core.pool import SharedPool
from core.pool.classes import Classes
from core.tests.fixtures import eventually, held

KEY = {"X-Service-Key": settings.SERVICE_API_KEY}


@pytest.fixture
def pool(django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch) -> SharedPool:
    """The service's pool, with two places for staff and batches, one of them for batches."""
    for name, value in (("STAFF_PLACES", 2), ("BATCH_PLACES", 1), ("STAFF_TIMEOUT", 0.2)):
        monkeypatch.setenv(f"POOL_{name}", str(value))
    options = database.pool_options()
    classes = Classes(options["classes"], options["default_class"])
    monkeypatch.setattr(django_pool, "classes", classes)
    monkeypatch.setattr(django_pool.state, "classes", classes)
    return django_pool


class TestAnAddress:
    @pytest.mark.parametrize("path", sorted(borrower_classes.CLASSES))
    def test_that_has_a_class_exists(self, path: str) -> None:
        assert callable(resolve(path).func)

    @pytest.mark.real_pool
    @pytest.mark.usefixtures("django_pool")
    @pytest.mark.parametrize(
        ("method", "path", "expected"),
        [("post", "/validate-qr", "gate"), ("get", "/stats", "staff"), ("get", "/ready", "health")],
    )
    def test_gives_its_class_to_all_that_it_borrows(self, method: str, path: str, expected: str) -> None:
        found = set()

        def note(execute: Any, *arguments: Any) -> Any:
            found.add(connection.connection.loan.borrower_class.name)
            return execute(*arguments)

        body = {"qr_text": ticket()} if method == "post" else None
        with connection.execute_wrapper(note):
            getattr(Client(), method)(path, body, content_type="application/json", headers=KEY)

        assert found <= {expected}


@pytest.mark.real_pool
class TestTheGates:
    def test_scan_while_staff_and_batches_have_all_that_they_may(self, pool: SharedPool) -> None:
        with held(pool, 1, borrower_class="batch"), held(pool, 1, borrower_class="staff"):
            scan = Client().post(
                "/validate-qr", {"qr_text": ticket()}, content_type="application/json", headers=KEY
            )
            page = Client().get("/stats", headers=KEY)

        assert scan.status_code == 200
        assert page.status_code == 503
        assert page.json() == {"status": "error", "reason": "pool_full"}

    def test_are_seen_beside_the_others_by_monitoring(self, pool: SharedPool) -> None:
        with held(pool, 1, borrower_class="batch"):
            found = Client().get("/health/db").json()["classes"]

        assert found["gate"] == {"places": 15, "checked_out": 0, "waiting": 0}
        assert found["staff"] == {"places": 2, "checked_out": 0, "waiting": 0}
        assert found["batch"] == {"places": 1, "checked_out": 1, "waiting": 0}

    def test_come_after_monitoring_on_a_full_pool(self, pool: SharedPool) -> None:
        answers: list[int] = []

        def look() -> None:
            answers.append(Client().get("/health/db").status_code)

        with held(pool, borrower_class="gate"):
            thread = threading.Thread(target=look)
            thread.start()
            eventually(lambda: pool.stats().waiting == 1)
            [waiting] = [each.waiting for each in pool.stats().classes if each.name == "health"]
        thread.join()

        assert (waiting, answers) == (1, [200])


class TestAProcess:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["manage.py", "etl", "run"], "batch"),
            (["manage.py", "report_worker"], "batch"),
            (["manage.py", "runserver"], "staff"),
            (["/bin/gunicorn", "config.wsgi"], "staff"),
        ],
    )
    def test_is_of_its_class_in_every_thread(
        self, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: str
    ) -> None:
        for module in application_name.SERVED:
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setattr(sys, "argv", arguments)

        assert database.pool_options()["default_class"] == expected

    @pytest.mark.parametrize(
        ("size", "overflow", "staff", "batch"), [(5, 10, 12, 5), (1, 0, 1, 1), (2, 2, 1, 1), (10, 20, 27, 10)]
    )
    def test_leaves_places_for_the_gates_whatever_its_bound(
        self, monkeypatch: pytest.MonkeyPatch, size: int, overflow: int, staff: int, batch: int
    ) -> None:
        for name, value in (
            ("SIZE", size),
            ("MAX_OVERFLOW", overflow),
            ("STAFF_PLACES", 0),
            ("BATCH_PLACES", 0),
        ):
            monkeypatch.setenv(f"POOL_{name}", str(value))

        classes = database.pool_options()["classes"]

        assert (classes["staff"]["places"], classes["batch"]["places"]) == (staff, batch)
        assert list(classes) == ["health", "gate", "staff", "batch"]
