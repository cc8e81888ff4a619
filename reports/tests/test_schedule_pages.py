"""Schedules in the admin, and which events a user may see."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.models import Event
from reports import access
from reports.models import Schedule
from reports.tests.conftest import LODZ, TONIGHT
from reports.tests.staff import allow, client_of, forbid, member, text_of

LIST = reverse("admin:reports_schedule_changelist")
FORM = reverse("admin:reports_schedule_add")
WEEKLY = {
    "report": "daily-sales",
    "format": "pdf",
    "cadence": "weekly",
    "weekday": "4",
    "hour": "7",
    "timezone": "Europe/Warsaw",
    "delivery": "email",
    "recipients": "organiser@example.org; Venue@example.org",
    "folder": "",
    "is_active": "on",
}
MAY = [f"reports.{verb}_schedule" for verb in ("view", "add", "change", "delete")]


def page_of(schedule: Schedule) -> str:
    return reverse("admin:reports_schedule_change", args=[schedule.pk])


@pytest.fixture
def staff(seller: User) -> Client:
    allow(seller, *MAY)
    return client_of(seller)


@pytest.fixture
def weekly(staff: Client) -> Schedule:
    """The seller's schedule, made with the form."""
    assert staff.post(FORM, WEEKLY).status_code == 302
    return Schedule.objects.get()


class TestForm:
    def test_makes_a_schedule_of_its_user(self, seller: User, weekly: Schedule) -> None:
        assert weekly.owner == seller
        assert weekly.recipients == "organiser@example.org, Venue@example.org"
        assert weekly.parameters == {"event_ids": None}

    def test_plans_the_next_run_on_the_schedules_clock(self, weekly: Schedule) -> None:
        assert weekly.next_run_at is not None
        assert weekly.next_run_at > timezone.now()
        assert weekly.next_run_at - timezone.now() <= timedelta(days=7, hours=1)

    def test_keeps_the_chosen_events(self, staff: Client, tonight: Event, lodz: Event) -> None:
        staff.post(FORM, {**WEEKLY, "events": [LODZ]})

        schedule = Schedule.objects.get()
        assert schedule.parameters == {"event_ids": [LODZ]}
        assert staff.get(page_of(schedule)).context["adminform"].form["events"].value() == [LODZ]

    def test_offers_only_what_its_user_may_make_and_download(self, staff: Client) -> None:
        form = staff.get(FORM).context["adminform"].form

        assert [slug for slug, _ in form.fields["report"].choices] == ["daily-sales"]

    @pytest.mark.parametrize(
        ("changes", "field", "cure"),
        [
            ({"recipients": ""}, "recipients", "Name at least one e-mail address."),
            ({"recipients": "ada@example.org, bob"}, "recipients", "'bob' is no e-mail address: correct it"),
            ({"timezone": "Mars/Olympus"}, "timezone", "'Mars/Olympus' is no time zone: use a name such as"),
            ({"delivery": "folder", "folder": "../etc"}, "folder", "no slash, and no dot at the beginning"),
            (
                {"delivery": "folder", "folder": "sales"},
                "delivery",
                "REPORT_FOLDER is not set. Choose e-mail.",
            ),
            ({"report": "transfers"}, "report", "Select a valid choice"),
            ({"events": ["nobody's"]}, "events", "nobody's is no event that you may see"),
        ],
    )
    def test_says_beside_the_field_what_is_wrong(
        self, staff: Client, changes: dict[str, Any], field: str, cure: str
    ) -> None:
        answer = staff.post(FORM, {**WEEKLY, **changes})

        assert cure in " ".join(answer.context["adminform"].form.errors[field])
        assert not Schedule.objects.exists()

    def test_delivers_into_a_folder_where_there_is_one(
        self, staff: Client, settings: Any, tmp_path: Path
    ) -> None:
        settings.REPORT_FOLDER = str(tmp_path)

        nameless = staff.post(FORM, {**WEEKLY, "delivery": "folder"})
        staff.post(FORM, {**WEEKLY, "delivery": "folder", "folder": "sales", "recipients": ""})

        assert "Name the folder." in text_of(nameless)
        assert Schedule.objects.get().folder == "sales"


class TestSwitchedOffAfterFailures:
    @pytest.fixture
    def failed(self, weekly: Schedule) -> Schedule:
        error = "Switched off after 5 failures in a row. The last one: The mail server refused it."
        Schedule.objects.update(is_active=False, failure_count=5, last_error=error, next_run_at=None)
        weekly.refresh_from_db()
        return weekly

    def test_says_why_and_how_to_go_on(self, staff: Client, failed: Schedule) -> None:
        page = text_of(staff.get(page_of(failed)))

        assert f"It is switched off.</b> {failed.last_error}" in page

    def test_says_in_the_list_that_it_is_off_and_why(self, staff: Client, failed: Schedule) -> None:
        page = text_of(staff.get(LIST))

        assert ">Off</span> 5 failures in a row" in page
        assert f">{failed.last_error}<" in page

    def test_differs_in_the_list_from_one_that_will_run_again(self, staff: Client, weekly: Schedule) -> None:
        Schedule.objects.update(failure_count=1, last_error="The mail server refused it.")

        assert ">Failed</span> 1 failure in a row" in text_of(staff.get(LIST))

    def test_is_switched_on_again_in_its_form(self, staff: Client, failed: Schedule) -> None:
        staff.post(page_of(failed), WEEKLY)

        failed.refresh_from_db()
        assert (failed.is_active, failed.failure_count, failed.last_error) == (True, 0, "")
        assert failed.next_run_at is not None

    def test_is_switched_on_again_in_the_list(self, staff: Client, failed: Schedule) -> None:
        staff.post(LIST, {"action": "switch_on", "_selected_action": [failed.pk]})

        failed.refresh_from_db()
        assert (failed.is_active, failed.failure_count) == (True, 0)

    def test_another_change_forgets_no_failure(self, staff: Client, weekly: Schedule) -> None:
        Schedule.objects.update(failure_count=2, last_error="once more")

        staff.post(page_of(weekly), {**WEEKLY, "hour": "9"})

        weekly.refresh_from_db()
        assert (weekly.hour, weekly.failure_count, weekly.last_error) == (9, 2, "once more")


class TestSchedulesOfOthers:
    def test_do_not_exist_for_staff(self, weekly: Schedule) -> None:
        other = member("other", "daily-sales")
        allow(other, *MAY)
        client = client_of(other)

        assert client.get(page_of(weekly)).status_code == 302
        assert client.get(LIST).context["cl"].result_count == 0

    def test_stay_theirs_when_a_superuser_changes_them(self, seller: User, weekly: Schedule) -> None:
        boss = client_of(User.objects.create_superuser("boss"))

        form = boss.get(page_of(weekly)).context["adminform"].form
        boss.post(page_of(weekly), {**WEEKLY, "hour": "10"})

        weekly.refresh_from_db()
        assert [slug for slug, _ in form.fields["report"].choices] == ["daily-sales"]
        assert (weekly.owner, weekly.hour) == (seller, 10)

    def test_are_not_shown_without_the_permission(self, seller: User) -> None:
        client = client_of(seller)

        assert client.get(LIST).status_code == 403
        assert client.get(FORM).status_code == 403
        assert LIST not in text_of(client.get("/admin/"))


class TestViewersOfSchedules:
    def test_see_a_schedule_without_a_form(self, seller: User, weekly: Schedule) -> None:
        viewer = client_of(forbid(seller, "reports.change_schedule"))

        assert "organiser@example.org" in text_of(viewer.get(page_of(weekly)))


class TestEventAccess:
    def test_is_given_on_the_users_page(self, seller: User, tonight: Event, lodz: Event) -> None:
        boss = client_of(User.objects.create_superuser("boss"))
        address = reverse("admin:auth_user_change", args=[seller.pk])
        form = boss.get(address).context["adminform"].form
        current = {name: form[name].value() for name in ("username", "is_active", "is_staff")}

        answer = boss.post(
            address,
            {
                **current,
                "user_permissions": [each.pk for each in seller.user_permissions.all()],
                "date_joined_0": "2025-06-01",
                "date_joined_1": "08:00:00",
                "event_accesses-TOTAL_FORMS": "1",
                "event_accesses-INITIAL_FORMS": "0",
                "event_accesses-0-event": LODZ,
                "event_accesses-0-user": seller.pk,
            },
        )

        assert answer.status_code == 302, answer.context["errors"]
        assert access.visible_events(User.objects.get(pk=seller.pk)) == (LODZ,)
        assert TONIGHT not in (access.visible_events(seller) or ())
