"""The ETL in the admin: looked at, retried, never edited."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from django.urls import reverse

from etl.lease import leased
from etl.models import DailyTicketSales, EventSalesSummary, RawSale, RejectedRow, Run
from etl.tests.command import NOON, etl, json_lines, sales

PAGES = [Run, RejectedRow, DailyTicketSales, EventSalesSummary]


def page(model: Any, name: str, *arguments: Any) -> str:
    return reverse(f"admin:etl_{model._meta.model_name}_{name}", args=arguments)


def signed_in(*codenames: str, is_superuser: bool = False) -> Client:
    """A member of staff with these permissions. Hashing a password would take longer than the test."""
    user = User.objects.create(username="staff", is_staff=True, is_superuser=is_superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(transactional_db: None) -> Client:
    return signed_in(is_superuser=True)


@pytest.fixture(autouse=True)
def _loaded(tmp_path: Path, transactional_db: None) -> None:
    """A run with two sales that were loaded, and one without a currency."""
    rows = [*sales(2), *sales(3, currency=None)[2:]]
    etl("run", "--source", json_lines(tmp_path / "sales.jsonl", rows), "--max-rejects", "100%")


def cell(html: str, name: str) -> str:
    """Return what the first row of a list shows in the column `name`."""
    found = re.search(rf"<td[^>]*field-{name}[^>]*>(.*?)</td>", html, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]*>", "", found[1]).strip()


def retry(client: Client) -> str:
    """Retry every rejected row, and return the page that follows."""
    chosen = list(RejectedRow.objects.values_list("pk", flat=True))
    form = {"action": "retry_selected", "_selected_action": chosen}
    return client.post(page(RejectedRow, "changelist"), form, follow=True).content.decode()


class TestEveryPage:
    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
    def test_lists_finds_and_shows(self, staff: Client, model: Any) -> None:
        row = model.objects.first()

        assert row is not None
        assert staff.get(page(model, "changelist"), {"q": "file"}).status_code == 200
        assert f"/{row.pk}/" in staff.get(page(model, "changelist")).content.decode()
        assert staff.get(page(model, "change", row.pk)).status_code == 200

    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
    def test_is_never_edited_by_hand(self, staff: Client, model: Any) -> None:
        row = model.objects.first()

        assert staff.get(page(model, "add")).status_code == 403
        assert staff.post(page(model, "change", row.pk), {"currency": "EUR"}).status_code == 403
        assert staff.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
    def test_costs_the_same_statements_however_many_rows_there_are(
        self, staff: Client, model: Any, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(20) as of_one:
            staff.get(page(model, "changelist"))
        many(model)

        with django_assert_max_num_queries(len(of_one)):
            answer = staff.get(page(model, "changelist"))

        assert answer.context["cl"].result_count == 21


def many(model: Any) -> None:
    """Add twenty rows like the one that is there."""
    row = model.objects.first()
    for number in range(1, 21):
        row.pk = None
        if model is RejectedRow:
            row.payload_hash = str(number)
        elif model is DailyTicketSales:
            row.sale_date += timedelta(days=1)
        elif model is EventSalesSummary:
            row.currency = f"X{chr(65 + number)}X"
        row.save()


class TestARun:
    def test_shows_its_outcome_seconds_and_counts(self, staff: Client) -> None:
        Run.objects.update(started_at=NOON, finished_at=NOON + timedelta(minutes=2))

        shown = staff.get(page(Run, "changelist"), {"outcome__exact": "done"}).content.decode()

        assert "120.0" in shown
        assert cell(shown, "rejected_count") == "1"

    def test_has_no_seconds_before_its_end(self, staff: Client) -> None:
        Run.objects.update(finished_at=None)

        assert cell(staff.get(page(Run, "changelist")).content.decode(), "duration") == ""


class TestARejectedRow:
    def test_shows_the_payload_indented_and_escaped(self, staff: Client) -> None:
        row = RejectedRow.objects.get()
        row.payload = {"event_id": "<script>"}
        row.save()

        shown = staff.get(page(RejectedRow, "change", row.pk)).content.decode()

        assert "&quot;event_id&quot;: &quot;&lt;script&gt;&quot;" in shown
        assert "<script>&quot;" not in shown

    def test_leads_to_its_run(self, staff: Client) -> None:
        row = RejectedRow.objects.get()

        assert page(Run, "change", row.run_id) in staff.get(page(RejectedRow, "changelist")).content.decode()

    def test_is_found_by_its_state(self, staff: Client) -> None:
        row = RejectedRow.objects.get()

        def is_listed(state: str) -> bool:
            answer = staff.get(page(RejectedRow, "changelist"), {"state": state})
            return page(RejectedRow, "change", row.pk) in answer.content.decode()

        assert (is_listed("open"), is_listed("resolved")) == (True, False)


class TestRetry:
    def test_loads_what_the_settings_now_cure(self, staff: Client) -> None:
        with override_settings(ETL_CURRENCY="NGN"):
            shown = retry(staff)

        assert "1 loaded, 0 still rejected" in shown
        assert RawSale.objects.count() == 3
        assert RejectedRow.objects.get().resolved_at is not None

    def test_says_what_is_still_rejected(self, staff: Client) -> None:
        assert "0 loaded, 1 still rejected" in retry(staff)

    def test_says_that_a_run_is_at_work(self, staff: Client) -> None:
        with leased("file"), override_settings(ETL_CURRENCY="NGN"):
            shown = retry(staff)

        assert "is at work" in shown
        assert RawSale.objects.count() == 2

    def test_needs_the_permission_to_change_rejected_rows(self) -> None:
        client = signed_in("view_rejectedrow")

        with override_settings(ETL_CURRENCY="NGN"):
            shown = retry(client)

        assert "retry_selected" not in shown
        assert RawSale.objects.count() == 2

    def test_is_all_that_this_permission_grants(self) -> None:
        client = signed_in("change_rejectedrow")
        row = RejectedRow.objects.get()

        with override_settings(ETL_CURRENCY="NGN"):
            shown = retry(client)

        assert "1 loaded" in shown
        assert client.post(page(RejectedRow, "change", row.pk), {"reason": "none"}).status_code == 403
