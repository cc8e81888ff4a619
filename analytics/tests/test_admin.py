"""The admin's pages: events and gates are edited, facts are looked at."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.models import Admission, Event, EventCounter, Gate, InvalidAttempt, Scan, Transfer
from analytics.tests.conftest import NORTH, TONIGHT, forged, invalid_attempt, scan, transfer

FACTS = [Scan, Admission, Transfer, InvalidAttempt, EventCounter]


def page(model: Any, name: str, *arguments: Any) -> str:
    return reverse(f"admin:analytics_{model._meta.model_name}_{name}", args=arguments)


@pytest.fixture
def staff(db: None) -> Client:
    """A member of staff who may do everything. Hashing a password would take longer than the test."""
    client = Client()
    client.force_login(User.objects.create(username="staff", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def _busy_evening(tonight: Event) -> None:
    scan()
    scan(forged())
    transfer()
    invalid_attempt()


@pytest.mark.usefixtures("_busy_evening")
class TestEveryPage:
    @pytest.mark.parametrize("model", [Event, Gate, *FACTS], ids=lambda model: model.__name__)
    def test_lists_and_finds_and_shows(self, staff: Client, model: Any) -> None:
        row = model.objects.first()

        assert row is not None
        assert str(row.pk) in staff.get(page(model, "changelist")).content.decode()
        assert staff.get(page(model, "changelist"), {"q": "TKT-001"}).status_code == 200
        assert staff.get(page(model, "change", row.pk)).status_code == 200

    @pytest.mark.parametrize(
        "model", [Scan, Admission, Transfer, InvalidAttempt], ids=lambda model: model.__name__
    )
    def test_reads_the_events_with_the_facts(
        self, staff: Client, model: Any, django_assert_max_num_queries: Any
    ) -> None:
        for minutes in range(20):
            scan(forged(), minutes=minutes)
            transfer(minutes=minutes)

        with django_assert_max_num_queries(10):
            staff.get(page(model, "changelist"))


@pytest.mark.usefixtures("_busy_evening")
class TestAFact:
    @pytest.mark.parametrize("model", FACTS, ids=lambda model: model.__name__)
    def test_is_never_added_changed_or_deleted_by_hand(self, staff: Client, model: Any) -> None:
        pk = model.objects.first().pk

        assert staff.get(page(model, "add")).status_code == 403
        assert staff.post(page(model, "change", pk), {"gate": "south gate"}).status_code == 403
        assert staff.post(page(model, "delete", pk), {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize("model", FACTS, ids=lambda model: model.__name__)
    def test_is_not_counted_as_a_whole_for_each_page(self, model: Any) -> None:
        assert admin.site.get_model_admin(model).show_full_result_count is False


@pytest.mark.usefixtures("tonight")
class TestAnEvent:
    def test_is_added_with_its_gates(self, staff: Client) -> None:
        form = {
            "event_id": "late show",
            "name": "Late show",
            "timezone": "Africa/Lagos",
            "gates-TOTAL_FORMS": "1",
            "gates-INITIAL_FORMS": "0",
            "gates-0-name": "east gate",
        }

        answer = staff.post(page(Event, "add"), form)

        assert answer.status_code == 302
        assert Gate.objects.get(event_id="late show").name == "east gate"

    def test_keeps_its_id_when_it_is_renamed(self, staff: Client) -> None:
        form = {
            "event_id": "other",
            "name": "Tonight",
            "timezone": "UTC",
            "gates-TOTAL_FORMS": "0",
            "gates-INITIAL_FORMS": "0",
        }

        staff.post(page(Event, "change", TONIGHT), form)

        assert [(event.event_id, event.name) for event in Event.objects.all()] == [(TONIGHT, "Tonight")]

    def test_with_facts_is_not_deleted(self, staff: Client) -> None:
        scan()

        staff.post(page(Event, "delete", TONIGHT), {"post": "yes"})

        assert Event.objects.filter(pk=TONIGHT).exists()


@pytest.mark.usefixtures("tonight")
class TestAGate:
    def test_has_a_name_once_per_event(self, staff: Client) -> None:
        answer = staff.post(page(Gate, "add"), {"event": TONIGHT, "name": NORTH})

        assert "already exists" in answer.content.decode()
