"""Asking for a report: a stored one of unchanged data, or a new one; again; and deleting it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django_tasks_db.models import DBTaskResult

from analytics import services as gates
from analytics.models import Event
from analytics.tests.conftest import transfer_fact
from reports import permissions, services, store
from reports.catalogue import UnknownReport
from reports.models import Download, FileFormat, GeneratedReport, ReportState
from reports.tests.conftest import JUNE, LODZ, NOW, TONIGHT, Request, etl_run, files, sell
from reports.tests.staff import allow, member
from reports.worker import run_queue


class TestAReportThatWasAskedFor:
    def test_is_queued_with_its_task_or_not_at_all(self, request_daily_sales: Request) -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            request_daily_sales()
            raise ZeroDivisionError

        assert (GeneratedReport.objects.count(), DBTaskResult.objects.count()) == (0, 0)

    def test_is_made_by_the_worker(self, made: GeneratedReport, storage_folder: Path) -> None:
        assert (made.attempt, made.row_count, made.row_total, made.error) == (1, 1, 1, "")
        assert files(storage_folder) == [made.file_name] == [f"2025-06-02-daily-sales-{made.pk.hex[:8]}.csv"]
        assert (storage_folder / made.file_name).stat().st_size == made.size_bytes
        assert made.preview["rows"][0][0] == TONIGHT
        assert DBTaskResult.objects.get().return_value == "made: 1 rows"

    def test_can_be_read_by_nobody_else_on_the_machine(
        self, made: GeneratedReport, storage_folder: Path
    ) -> None:
        assert (storage_folder / made.file_name).stat().st_mode & 0o077 == 0

    def test_that_nobody_knows_is_refused_with_the_list(self, seller: User) -> None:
        with pytest.raises(UnknownReport, match="daily-sales"):
            services.request_report(
                user=seller, slug="nightly", parameters=JUNE, file_format=FileFormat.CSV, now=NOW
            )


class TestAReportOfUnchangedData:
    def test_is_served_from_store(self, made: GeneratedReport, request_daily_sales: Request) -> None:
        assert request_daily_sales() == made
        assert GeneratedReport.objects.count() == 1

    def test_is_served_after_an_etl_run_that_changed_nothing(
        self, made: GeneratedReport, request_daily_sales: Request
    ) -> None:
        etl_run()

        assert request_daily_sales() == made

    def test_is_made_again_when_asked_to(self, made: GeneratedReport, seller: User) -> None:
        again = services.make_again(user=seller, generated=made, now=NOW)

        run_queue(now=NOW)
        again.refresh_from_db()

        assert (again.pk == made.pk, again.state, again.sha256) == (False, ReportState.MADE, made.sha256)

    def test_is_made_again_when_it_expired(self, made: GeneratedReport, request_daily_sales: Request) -> None:
        assert request_daily_sales(now=NOW + timedelta(days=31)) != made

    def test_is_made_again_when_its_file_is_gone(
        self, made: GeneratedReport, request_daily_sales: Request
    ) -> None:
        store.delete_file(made.file_name)

        assert request_daily_sales() != made


class TestAReportOfNewData:
    def test_is_not_served_from_store_after_a_sale(
        self, made: GeneratedReport, request_daily_sales: Request
    ) -> None:
        sell(TONIGHT, 1, "25.00", days=1)

        assert request_daily_sales() != made

    def test_is_not_served_from_store_after_a_transfer_of_its_days(
        self, made: GeneratedReport, request_daily_sales: Request
    ) -> None:
        period = replace(JUNE, start=NOW.date().replace(year=2000), end=NOW.date().replace(year=2100))
        first = request_daily_sales(parameters=period)
        run_queue(now=NOW)

        gates.record_transfer(transfer=transfer_fact(at=NOW, event_id=TONIGHT))

        assert request_daily_sales(parameters=period) != first

    def test_is_not_served_from_store_of_other_days(
        self, made: GeneratedReport, request_daily_sales: Request
    ) -> None:
        assert request_daily_sales(parameters=replace(JUNE, end=JUNE.end + timedelta(days=1))) != made


class TestALimitedUser:
    def test_gets_only_their_events(self, lodz: Event, request_daily_sales: Request) -> None:
        limited = member("lodz-desk", "daily-sales", events=(lodz,))

        generated = request_daily_sales(user=limited)

        assert generated.parameters["event_ids"] == [LODZ]

    def test_does_not_get_the_stored_report_of_all_events(
        self, made: GeneratedReport, lodz: Event, request_daily_sales: Request
    ) -> None:
        limited = member("lodz-desk", "daily-sales", events=(lodz,))

        assert request_daily_sales(user=limited) != made

    def test_is_refused_another_event_which_is_named(self, lodz: Event, request_daily_sales: Request) -> None:
        limited = member("lodz-desk", "daily-sales", events=(lodz,))

        with pytest.raises(services.NotAllowed, match="may not see tonight: choose among lodz"):
            request_daily_sales(user=limited, parameters=replace(JUNE, event_ids=(TONIGHT,)))

    def test_cannot_make_a_report_of_all_events_again(self, made: GeneratedReport, lodz: Event) -> None:
        limited = member("lodz-desk", "daily-sales", events=(lodz,))

        again = services.make_again(user=limited, generated=made, now=NOW)

        assert again.parameters["event_ids"] == [LODZ]


class TestAUserWithoutPermission:
    def test_is_refused_with_the_permission_that_it_takes(self, request_daily_sales: Request) -> None:
        with pytest.raises(services.NotAllowed, match=r"reports\.generate_daily_sales"):
            request_daily_sales(user=member("doorman"))

    def test_who_is_inactive_is_refused(self, request_daily_sales: Request) -> None:
        with pytest.raises(services.NotAllowed):
            request_daily_sales(user=member("gone", "daily-sales", is_active=False))


class TestDeleting:
    def test_takes_the_file_and_leaves_the_downloads(
        self, made: GeneratedReport, storage_folder: Path, seller: User
    ) -> None:
        Download.objects.create(generated_report=made, report=made.report, user=seller, downloaded_at=NOW)
        allow(seller, permissions.DELETE)

        services.delete(user=User.objects.get(pk=seller.pk), generated=made)

        assert files(storage_folder) == []
        assert Download.objects.get().generated_report is None

    def test_takes_a_report_that_the_user_may_see(self, made: GeneratedReport, storage_folder: Path) -> None:
        janitor = member("janitor", "transfers")
        allow(janitor, permissions.DELETE)

        with pytest.raises(services.NotAllowed, match=permissions.to_view("daily-sales")):
            services.delete(user=User.objects.get(pk=janitor.pk), generated=made)

        assert files(storage_folder) == [made.file_name]

    def test_takes_a_permission(self, made: GeneratedReport, seller: User, storage_folder: Path) -> None:
        with pytest.raises(services.NotAllowed, match=permissions.DELETE):
            services.delete(user=seller, generated=made)

        assert files(storage_folder) == [made.file_name]
