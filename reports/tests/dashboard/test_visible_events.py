"""Every page of the admin, for a reader who is limited to some events."""

from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.models import Admission, Event, EventCounter, Gate, InvalidAttempt, Scan
from reports import access
from reports.models import EventAccess
from reports.tests.dashboard.conftest import JAZZ, TONIGHT, refuse, scan

LIMITED = [Event, Gate, Scan, Admission, InvalidAttempt, EventCounter]


@pytest.fixture
def _both(tonight: Event, jazz: Event, now: datetime) -> None:
    for event in (TONIGHT, JAZZ):
        scan("T-1", at=now, event=event)
        refuse("T-2", at=now, event=event)
        Gate.objects.create(event_id=event, name="gate")


def address(model: Any, name: str, *arguments: Any) -> str:
    return reverse(f"admin:analytics_{model._meta.model_name}_{name}", args=arguments)


@pytest.mark.usefixtures("_both")
class TestTheAdminsPages:
    @pytest.mark.parametrize("model", LIMITED, ids=lambda model: model.__name__)
    def test_list_and_show_nothing_of_other_events(self, usher: Client, model: Any) -> None:
        other = model.objects.filter(event_id=JAZZ).first()

        listed = usher.get(address(model, "changelist"))

        assert other is not None
        assert {row.event_id for row in listed.context["cl"].queryset} == {TONIGHT}
        assert "Jazz night" not in listed.content.decode()
        assert usher.get(address(model, "change", other.pk)).status_code == 302

    @pytest.mark.parametrize("model", LIMITED, ids=lambda model: model.__name__)
    def test_list_all_for_those_who_see_all(self, boss: Client, model: Any) -> None:
        listed = boss.get(address(model, "changelist"))

        assert {row.event_id for row in listed.context["cl"].queryset} == {TONIGHT, JAZZ}

    def test_are_limited_for_every_model_that_has_an_event(self) -> None:
        pages = admin.site._registry
        with_event = {
            model for model in pages if {"event", "event_id"} & {f.name for f in model._meta.get_fields()}
        }

        assert set(LIMITED) <= with_event
        assert [model for model in with_event if not type(pages[model]).__name__.startswith("Limited")] == []


@pytest.mark.usefixtures("tonight")
class TestTheEtlsPages:
    @pytest.fixture
    def etl_rows(self, tonight: Event, now: datetime) -> dict[str, int]:
        """A run and a row that it rejected: of which event, only the row's payload knows."""
        run = apps.get_model("etl.Run").objects.create(source="shop", mode="full", started_at=now)
        rejected = apps.get_model("etl.RejectedRow").objects.create(
            source="shop",
            endpoint="sales",
            run=run,
            payload={"event": JAZZ, "buyer": "ada@example.org"},
            first_rejected_at=now,
            last_rejected_at=now,
        )
        return {"run": run.pk, "rejectedrow": rejected.pk}

    @pytest.mark.parametrize("name", ["run", "rejectedrow"])
    def test_show_nothing_to_the_limited_and_all_to_others(
        self, usher: Client, boss: Client, etl_rows: dict[str, int], name: str
    ) -> None:
        listed = reverse(f"admin:etl_{name}_changelist")
        change = reverse(f"admin:etl_{name}_change", args=[etl_rows[name]])

        assert usher.get(listed).context["cl"].result_count == 0
        assert usher.get(change).status_code == 302
        assert boss.get(listed).context["cl"].result_count == 1
        assert boss.get(change).status_code == 200

    def test_are_limited_for_every_model(self) -> None:
        pages = [page for model, page in admin.site._registry.items() if model._meta.app_label == "etl"]

        assert len(pages) == 4
        assert all(type(page).__name__.startswith("Limited") for page in pages)


class TestVisibleEvents:
    def test_are_all_without_any_access(self, db: None) -> None:
        assert access.visible_events(User.objects.create(username="anybody")) is None

    def test_are_those_given(self, tonight: Event, jazz: Event) -> None:
        user = User.objects.create(username="usher")
        for event in (tonight, jazz):
            EventAccess.objects.create(user=user, event=event)

        assert access.visible_events(user) == (JAZZ, TONIGHT)

    def test_are_all_for_a_superuser(self, tonight: Event) -> None:
        user = User.objects.create(username="boss", is_superuser=True)
        EventAccess.objects.create(user=user, event=tonight)

        assert access.visible_events(user) is None
