"""The pages of reports: requesting, watching, downloading, making again, deleting, and who may."""

from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analytics.models import Event
from reports import permissions
from reports.models import Download, GeneratedReport, ReportState
from reports.pages.progress import progress
from reports.tests.conftest import LODZ, NOW, TONIGHT, files
from reports.tests.staff import allow, client_of, member, text_of

LIST = reverse("admin:reports_generatedreport_changelist")
FORM = reverse("admin:reports_generatedreport_add")
JUNE = {"report": "daily-sales", "start": "2025-06-01", "last": "2025-06-30", "format": "csv"}


def page_of(generated: GeneratedReport) -> str:
    return reverse("admin:reports_generatedreport_change", args=[generated.pk])


@pytest.fixture
def staff(seller: User, storage_folder: Path) -> Client:
    """The seller, logged in."""
    return client_of(seller)


@pytest.fixture
def limited(lodz: Event, tonight: Event, storage_folder: Path) -> Client:
    """A seller of the event in Łódź only."""
    return client_of(member("limited", "daily-sales", "etl-runs", events=(lodz,)))


class TestForm:
    def test_offers_only_what_its_reader_may_have_made(self, staff: Client) -> None:
        offered = [report.slug for report in staff.get(FORM).context["form"].reports]

        assert offered == ["daily-sales"]

    def test_offers_only_events_that_its_reader_may_see(self, limited: Client) -> None:
        form = limited.get(FORM).context["form"]

        assert [event_id for event_id, _ in form.fields["events"].choices] == [LODZ]
        assert [report.slug for report in form.reports] == ["daily-sales"]

    def test_asks_for_the_report_and_leads_to_its_page(self, staff: Client, lodz: Event) -> None:
        answer = staff.post(FORM, {**JUNE, "events": [LODZ]})

        generated = GeneratedReport.objects.get()
        assert answer["Location"] == page_of(generated)
        assert (generated.report, generated.format, generated.state) == ("daily-sales", "csv", "queued")

    def test_takes_the_last_day_in(self, staff: Client, lodz: Event) -> None:
        staff.post(FORM, {**JUNE, "events": [LODZ, TONIGHT]})

        assert GeneratedReport.objects.get().parameters == {
            "start": "2025-06-01",
            "end": "2025-07-01",
            "event_ids": [LODZ, TONIGHT],
        }

    def test_without_an_event_means_all(self, staff: Client) -> None:
        staff.post(FORM, JUNE)

        assert GeneratedReport.objects.get().parameters["event_ids"] is None

    def test_without_an_event_means_all_of_theirs_for_the_limited(self, limited: Client) -> None:
        limited.post(FORM, JUNE)

        assert GeneratedReport.objects.get().parameters["event_ids"] == [LODZ]

    @pytest.mark.parametrize(
        ("changes", "field", "cure"),
        [
            ({"report": ""}, "report", "Choose a report."),
            ({"report": "transfers"}, "report", "transfers is no report that you may have made"),
            ({"start": ""}, "start", "Choose the first day."),
            ({"start": "June"}, "start", "use the form 2025-06-01"),
            ({"last": "2025-05-31"}, "last", "2025-05-31 is before the first day, 2025-06-01: swap them."),
            ({"last": "9999-12-31"}, "last", "choose a day from 2000-01-01 to 2199-12-31"),
            ({"events": ["nobody's"]}, "events", "nobody's is no event that you may see"),
            ({"events": ["nul\0"]}, "events", "is no event that you may see"),
            ({"format": "exe"}, "format", "exe is none of the formats"),
        ],
    )
    def test_says_beside_the_field_what_is_wrong_and_the_cure(
        self, staff: Client, changes: dict[str, Any], field: str, cure: str
    ) -> None:
        answer = staff.post(FORM, {**JUNE, **changes})

        assert cure in " ".join(answer.context["form"].errors[field])
        assert cure in text_of(answer)
        assert not GeneratedReport.objects.exists()

    def test_refuses_an_event_of_others(self, limited: Client) -> None:
        answer = limited.post(FORM, {**JUNE, "events": [TONIGHT]})

        assert "tonight is no event that you may see" in text_of(answer)

    def test_is_filled_in_from_its_address(self, staff: Client, tonight: Event) -> None:
        page = text_of(
            staff.get(f"{FORM}?report=daily-sales&start=2025-06-01&last=2025-06-02&events={TONIGHT}")
        )

        assert 'value="2025-06-01"' in page
        assert 'value="tonight" id="id_events_0" checked' in page

    @pytest.mark.parametrize("query", ["report=none", "start=June", "events=%00", "format=exe&last="])
    def test_leaves_out_what_it_cannot_read_in_its_address(self, staff: Client, query: str) -> None:
        assert staff.get(f"{FORM}?{query}").status_code == 200


@pytest.mark.usefixtures("made")
class TestUnchangedData:
    def test_is_served_from_store_and_the_page_says_so(self, staff: Client, made: GeneratedReport) -> None:
        GeneratedReport.objects.update(finished_at=timezone.now() - timedelta(minutes=12, seconds=5))
        GeneratedReport.objects.update(expires_at=timezone.now() + timedelta(days=1))

        answer = staff.post(FORM, JUNE, follow=True)

        assert answer.redirect_chain == [(page_of(made), 302)]
        assert "Served from store: made 12\xa0minutes ago, and nothing has changed since." in unescape(
            answer.content.decode()
        )


class TestReportPage:
    def test_of_a_made_one_shows_what_the_file_says(self, staff: Client, made: GeneratedReport) -> None:
        GeneratedReport.objects.update(expires_at=timezone.now() + timedelta(days=1))

        page = text_of(staff.get(page_of(made)))

        assert "1 to 30 June 2025" in page
        assert "Afrobeats Live 2025" in page
        assert '<h3>Total Revenue</h3><p class="medium">75.00 EUR</p>' in page
        assert reverse("report-download", args=[made.pk]) in page

    def test_of_a_queued_one_shows_that_it_waits(self, staff: Client) -> None:
        page = text_of(staff.post(FORM, JUNE, follow=True))

        assert "Waiting for a worker" in page
        assert "progress.json" in page
        assert "Download" not in page.partition('id="report"')[2]

    def test_of_a_failed_one_says_why(self, staff: Client, made: GeneratedReport) -> None:
        GeneratedReport.objects.update(state=ReportState.FAILED, error="The disk said: full. Make room.")

        page = text_of(staff.get(page_of(made)))

        assert "It could not be made.</b> The disk said: full. Make room." in page
        assert "Make again" in page

    def test_past_its_time_is_expired_even_before_its_file_goes(
        self, staff: Client, made: GeneratedReport
    ) -> None:
        GeneratedReport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        page = text_of(staff.get(page_of(made)))

        assert "Its file expired" in page
        assert reverse("report-download", args=[made.pk]) not in page

    def test_of_an_earlier_version_is_shown_to_superusers_all_the_same(self, made: GeneratedReport) -> None:
        GeneratedReport.objects.update(report="weekly-sales", parameters={}, preview={})
        boss = client_of(member("boss", is_superuser=True))

        assert "of an earlier version" in text_of(boss.get(page_of(made)))

    def test_leads_to_a_form_filled_in_like_it(self, staff: Client, made: GeneratedReport) -> None:
        address = staff.get(page_of(made)).context["like_url"]

        form = staff.get(address).context["form"]
        assert {name: str(form[name].value()) for name in ("report", "start", "last", "format")} == JUNE

    @pytest.mark.parametrize("name", ["not-a-uuid", "6bf210c4-3291-44b9-a6bb-be901c922a0d"])
    def test_of_nothing_is_not_found(self, staff: Client, name: str) -> None:
        assert staff.get(reverse("admin:reports_generatedreport_change", args=[name])).status_code == 404

    def test_of_others_events_is_not_found(self, limited: Client, made: GeneratedReport) -> None:
        assert limited.get(page_of(made)).status_code == 404
        assert limited.get(reverse("admin:report-progress", args=[made.pk])).status_code == 404
        assert limited.post(reverse("admin:report-again", args=[made.pk])).status_code == 404


class TestProgress:
    def test_answers_rows_and_seconds(self, staff: Client, made: GeneratedReport) -> None:
        now = timezone.now()
        GeneratedReport.objects.update(
            state=ReportState.MAKING, row_count=3, row_total=10, started_at=now, heartbeat_at=now, attempt=2
        )

        answer = staff.get(reverse("admin:report-progress", args=[made.pk]))

        current = answer.json()
        assert "no-store" in answer["Cache-Control"]
        assert (current["rows"], current["total"], current["is_over"]) == (3, 10, False)
        assert current["sentence"] == "Being made, attempt 2"

    def test_gives_no_total_that_the_rows_have_passed(self, tonight: Event) -> None:
        passed = GeneratedReport(requested_at=NOW, state=ReportState.MAKING, row_count=5000, row_total=0)

        assert progress(passed, now=NOW)["total"] is None

    def test_hints_at_a_missing_worker_after_a_while(self, tonight: Event) -> None:
        waiting = GeneratedReport(requested_at=NOW - timedelta(seconds=34))

        assert progress(waiting, now=NOW)["hint"] == (
            "No worker has taken it up for 34 s: is `manage.py report_worker` running?"
        )
        assert progress(waiting, now=NOW - timedelta(seconds=20))["hint"] == ""

    def test_says_what_it_waits_for(self, made: GeneratedReport) -> None:
        GeneratedReport.objects.update(state=ReportState.MAKING, heartbeat_at=NOW)
        waiting = GeneratedReport(requested_at=NOW - timedelta(minutes=2))

        assert progress(waiting, now=NOW)["hint"] == "1 other report is being made; this one comes after."

    def test_says_that_a_worker_went_silent(self) -> None:
        silent = GeneratedReport(
            state=ReportState.MAKING,
            started_at=NOW,
            requested_at=NOW,
            heartbeat_at=NOW - timedelta(seconds=20),
        )

        assert "Its worker has said nothing for 20 s. After 60 s" in progress(silent, now=NOW)["hint"]


class TestActions:
    def test_make_again_queues_one_like_it(self, staff: Client, made: GeneratedReport) -> None:
        answer = staff.post(reverse("admin:report-again", args=[made.pk]))

        again = GeneratedReport.objects.exclude(pk=made.pk).get()
        assert answer["Location"] == page_of(again)
        assert (again.state, again.parameters) == (ReportState.QUEUED, made.parameters)

    def test_make_again_changes_nothing_on_get(self, staff: Client, made: GeneratedReport) -> None:
        assert staff.get(reverse("admin:report-again", args=[made.pk])).status_code == 405

    def test_delete_asks_first_and_takes_the_file_with_it(
        self, staff: Client, seller: User, made: GeneratedReport, storage_folder: Path
    ) -> None:
        allow(seller, permissions.DELETE)
        address = reverse("admin:reports_generatedreport_delete", args=[made.pk])

        assert "Are you sure" in text_of(staff.get(address))
        assert files(storage_folder) == [made.file_name]
        staff.post(address, {"post": "yes"})

        assert not GeneratedReport.objects.exists()
        assert files(storage_folder) == []

    def test_delete_takes_the_permission(self, staff: Client, made: GeneratedReport) -> None:
        address = reverse("admin:reports_generatedreport_delete", args=[made.pk])

        assert staff.post(address, {"post": "yes"}).status_code == 403
        assert address not in text_of(staff.get(page_of(made)))


class TestList:
    def test_shows_what_was_made(self, staff: Client, made: GeneratedReport) -> None:
        page = text_of(staff.get(LIST))

        for shown in ("Daily sales", "1 to 30 June 2025, all events", "CSV", "seller", "New report"):
            assert shown in page

    def test_shows_the_limited_their_own_events_only(self, limited: Client, made: GeneratedReport) -> None:
        limited.post(FORM, JUNE)

        rows = limited.get(LIST).context["cl"].result_list

        assert [row.parameters["event_ids"] for row in rows] == [[LODZ]]

    def test_takes_as_many_statements_for_fifty_reports_as_for_one(
        self, staff: Client, made: GeneratedReport, tonight: Event
    ) -> None:
        asked = {"start": "2025-06-01", "end": "2025-06-02", "event_ids": [TONIGHT]}
        for number in range(50):
            GeneratedReport.objects.create(
                report="daily-sales",
                format="csv",
                parameters=asked,
                requested_by=made.requested_by,
                requested_at=NOW + timedelta(minutes=number),
            )

        with CaptureQueriesContext(connection) as sent:
            text_of(staff.get(LIST))

        assert len(sent) <= 8, [each["sql"] for each in sent]

    def test_filters_by_report(self, staff: Client, made: GeneratedReport) -> None:
        assert staff.get(f"{LIST}?report=transfers").context["cl"].result_count == 0
        assert staff.get(f"{LIST}?report=daily-sales").context["cl"].result_count == 1


class TestPermissions:
    @pytest.fixture
    def newcomer(self, transactional_db: None) -> Client:
        return client_of(User.objects.create_user("newcomer", is_staff=True))

    def test_without_any_nothing_is_shown_and_every_page_refuses(
        self, newcomer: Client, made: GeneratedReport
    ) -> None:
        gets = [LIST, FORM, page_of(made), reverse("admin:report-progress", args=[made.pk])]

        assert [newcomer.get(address).status_code for address in gets] == [403] * 4
        assert newcomer.post(FORM, JUNE).status_code == 403
        assert newcomer.post(reverse("admin:report-again", args=[made.pk])).status_code == 403
        assert LIST not in text_of(newcomer.get("/admin/"))

    def test_to_view_alone_shows_and_makes_nothing(self, tonight: Event, made: GeneratedReport) -> None:
        user = member("viewer")
        allow(user, permissions.to_view("daily-sales"))
        viewer = client_of(user)

        page = text_of(viewer.get(page_of(made)))

        assert "Make again" not in page
        assert reverse("report-download", args=[made.pk]) not in page
        assert "New report" not in text_of(viewer.get(LIST))
        assert viewer.get(FORM).status_code == 403
        assert viewer.post(reverse("admin:report-again", args=[made.pk])).status_code == 403

    def test_to_view_one_report_shows_no_other(self, made: GeneratedReport) -> None:
        other = client_of(member("other", "transfers"))

        assert other.get(page_of(made)).status_code == 404
        assert other.get(reverse("admin:report-progress", args=[made.pk])).status_code == 404
        assert other.get(LIST).context["cl"].result_count == 0
        assert "Daily sales" not in text_of(other.get(LIST))

    def test_strangers_are_sent_to_the_login(self, made: GeneratedReport) -> None:
        answer = Client().get(reverse("admin:report-progress", args=[made.pk]))

        assert answer["Location"].startswith("/admin/login/")


class TestDownloads:
    def test_are_listed_for_those_who_may_look(self, staff: Client, made: GeneratedReport) -> None:
        GeneratedReport.objects.update(expires_at=timezone.now() + timedelta(days=1))
        b"".join(staff.get(reverse("report-download", args=[made.pk])).streaming_content)  # type: ignore[attr-defined]
        auditor, limited = (
            member("auditor"),
            member("limited", events=(Event.objects.create(event_id="other"),)),
        )
        for user in (auditor, limited):
            allow(user, "reports.view_download")
        address = reverse("admin:reports_download_changelist")

        assert made.file_name in text_of(client_of(auditor).get(address))
        assert made.file_name not in text_of(client_of(limited).get(address))
        assert Download.objects.count() == 1
        assert staff.get(address).status_code == 403
