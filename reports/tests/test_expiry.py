"""`manage.py report_expire`: what goes, and what stays."""

import io
import os
from datetime import timedelta
from pathlib import Path

from django.core.management import call_command
from django_tasks_db.models import DBTaskResult

from reports import store
from reports.expiry import Expired, expire
from reports.models import GeneratedReport, ReportState
from reports.tests.conftest import NOW, files

AFTER = NOW + timedelta(days=30, hours=1)


def age(path: Path, when: float) -> None:
    os.utime(path, (when, when))


class TestExpiry:
    def test_deletes_the_file_and_keeps_the_row(self, made: GeneratedReport, storage_folder: Path) -> None:
        found = expire(now=AFTER)

        made.refresh_from_db()
        assert (found.reports, files(storage_folder)) == (1, [])
        assert (made.state, made.file_name, made.row_count) == (ReportState.EXPIRED, "", 1)

    def test_leaves_a_report_until_its_time(self, made: GeneratedReport, storage_folder: Path) -> None:
        found = expire(now=NOW + timedelta(days=29))

        assert (found.reports, files(storage_folder)) == (0, [made.file_name])

    def test_only_counts_in_a_dry_run(self, made: GeneratedReport, storage_folder: Path) -> None:
        found = expire(now=AFTER, is_dry_run=True)

        assert (found.reports, files(storage_folder)) == (1, [made.file_name])
        assert GeneratedReport.objects.get().state == ReportState.MADE

    def test_deletes_what_no_report_names_after_a_day(
        self, made: GeneratedReport, storage_folder: Path
    ) -> None:
        for name in ("orphan.csv", "new.csv"):
            (storage_folder / name).touch()
        left = store.working_folder() / "left.1"
        left.touch()
        for path in (storage_folder / made.file_name, storage_folder / "orphan.csv", left):
            age(path, (NOW - timedelta(days=2)).timestamp())
        age(storage_folder / "new.csv", NOW.timestamp())

        found = expire(now=NOW)

        assert found == Expired(reports=0, orphans=2, tasks=0)
        assert files(storage_folder) == sorted(["new.csv", made.file_name])

    def test_deletes_the_folder_that_a_killed_worker_left(
        self, made: GeneratedReport, storage_folder: Path
    ) -> None:
        left = store.working_folder() / "left.1.parts"
        left.mkdir()
        (left / "part").touch()
        age(left, (NOW - timedelta(days=2)).timestamp())

        assert expire(now=NOW).orphans == 1

        assert files(storage_folder) == [made.file_name]

    def test_deletes_tasks_that_ended_long_ago(self, made: GeneratedReport) -> None:
        DBTaskResult.objects.update(finished_at=NOW)

        assert expire(now=AFTER).tasks == 1

    def test_finds_an_empty_storage(self, db: None, storage_folder: Path) -> None:
        assert expire(now=NOW) == Expired(reports=0, orphans=0, tasks=0)


class TestTheCommand:
    def test_prints_what_it_did(self, made: GeneratedReport) -> None:
        for arguments, verb in ((["--dry-run"], "would delete"), ([], "deleted")):
            call_command("report_expire", *arguments, stdout=(output := io.StringIO()))

            assert output.getvalue().startswith(f"{verb} 1 expired files, 0 files without a report")
