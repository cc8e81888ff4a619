"""One attempt at a report: what stays when it fails, is superseded, or is stopped."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from core.pool import SharedPool
from core.tests.fixtures import eventually
from reports import store
from reports.jobs import heartbeat, reaper, states, stopping
from reports.models import GeneratedReport, ReportState
from reports.tests.conftest import NOW, Request, files, lock_sales, state_of
from reports.worker import run_next, run_queue


@pytest.fixture
def broken_parameters(request_daily_sales: Request) -> GeneratedReport:
    generated = request_daily_sales()
    GeneratedReport.objects.update(parameters={"start": "yesterday"})
    return generated


def work_in_a_thread(generated: GeneratedReport) -> threading.Thread:
    """Start working the queue off in a thread; return once it has taken the report up."""

    def work() -> None:
        run_queue(now=NOW)
        connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    eventually(lambda: state_of(generated) == ReportState.MAKING)
    return thread


class TestAReportThatFails:
    def test_says_why_and_what_to_do(self, broken_parameters: GeneratedReport, storage_folder: Path) -> None:
        run_queue(now=NOW)

        assert state_of(broken_parameters) == ReportState.FAILED
        assert "'yesterday'" in broken_parameters.error
        assert broken_parameters.error.endswith("Ask for a new report.")
        assert files(storage_folder) == []

    def test_leaves_a_task_that_failed_too(self, broken_parameters: GeneratedReport) -> None:
        run_queue(now=NOW)

        task = DBTaskResult.objects.get()
        assert task.status == TaskResultStatus.FAILED
        assert task.exception_class_path.endswith("ReportFailed")

    def test_never_quotes_the_driver(
        self, request_daily_sales: Request, outside: psycopg.Connection[Any]
    ) -> None:
        generated = request_daily_sales()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE daily_ticket_sales RENAME COLUMN revenue TO takings")
        try:
            run_queue(now=NOW)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE daily_ticket_sales RENAME COLUMN takings TO revenue")

        assert state_of(generated) == ReportState.FAILED
        assert "UndefinedColumn, 42703" in generated.error
        assert "revenue" not in generated.error

    def test_says_what_the_disk_said(
        self, request_daily_sales: Request, settings: Any, tmp_path: Path
    ) -> None:
        generated = request_daily_sales()
        (tmp_path / "storage").mkdir()
        (tmp_path / "storage" / ".making").touch()

        run_queue(now=NOW)

        assert state_of(generated) == ReportState.FAILED
        assert generated.error.startswith("The disk said: File exists. Make room")


class TestAWorkingAttempt:
    def test_beats_while_it_waits_and_holds_two_connections_at_most(
        self, request_daily_sales: Request, django_pool: SharedPool, locker: psycopg.Connection[Any]
    ) -> None:
        # A request reads the version of the data: the lock comes after it.
        generated = request_daily_sales()
        lock_sales(locker)
        working = work_in_a_thread(generated)
        taken_up_at = generated.heartbeat_at
        most = 0

        def has_beaten() -> bool:
            nonlocal most
            generated.refresh_from_db()
            # Less the one that this test asks with.
            most = max(most, django_pool.stats().checked_out - 1)
            return generated.heartbeat_at != taken_up_at

        eventually(has_beaten)
        locker.rollback()
        working.join()

        assert (state_of(generated), generated.attempt) == (ReportState.MADE, 1)
        assert most <= 2

    def test_is_taken_up_by_one_of_two_workers(self, request_daily_sales: Request) -> None:
        generated = request_daily_sales()

        both_are_ready = threading.Barrier(2, timeout=10)

        def claim(_worker: int) -> object:
            both_are_ready.wait()
            try:
                return states.claim(generated.pk, now=NOW)
            finally:
                # In the thread that borrowed: what it kept would block the test database's end.
                connections.close_all()

        with ThreadPoolExecutor(2) as workers:
            claims = list(workers.map(claim, range(2)))

        assert sum(claim is not None for claim in claims) == 1

    def test_removes_what_a_killed_one_left(self, request_daily_sales: Request, storage_folder: Path) -> None:
        generated = request_daily_sales()
        parts = store.working_folder() / f"{generated.pk}.0.parts"
        parts.mkdir()
        (parts / "part").touch()

        run_queue(now=NOW)

        assert state_of(generated) == ReportState.MADE
        assert files(storage_folder) == [generated.file_name]


class TestASupersededAttempt:
    def test_publishes_nothing_and_leaves_no_file(
        self, request_daily_sales: Request, locker: psycopg.Connection[Any], storage_folder: Path
    ) -> None:
        generated = request_daily_sales()
        lock_sales(locker)
        working = work_in_a_thread(generated)

        GeneratedReport.objects.update(attempt=2, worker="another:1")
        locker.rollback()
        working.join()

        assert (state_of(generated), generated.worker) == (ReportState.MAKING, "another:1")
        assert files(storage_folder) == []

    def test_of_a_deleted_report_leaves_no_file(
        self, request_daily_sales: Request, locker: psycopg.Connection[Any], storage_folder: Path
    ) -> None:
        generated = request_daily_sales()
        lock_sales(locker)
        working = work_in_a_thread(generated)

        GeneratedReport.objects.all().delete()
        locker.rollback()
        working.join()

        assert files(storage_folder) == []

    def test_learns_it_from_its_progress(self, request_daily_sales: Request) -> None:
        generated = states.claim(request_daily_sales().pk, now=NOW)
        assert generated is not None
        GeneratedReport.objects.update(attempt=2)

        beating = heartbeat.Heartbeat(generated)
        beating._beat()

        with pytest.raises(heartbeat.Superseded):
            beating.note(1, 2)


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """The signal handlers of a worker; the others, and no request to stop, afterwards."""
    before = {number: signal.getsignal(number) for number in stopping.SIGNALS}
    stopping.handle_signals()
    yield
    stopping._requested.clear()
    for number, handler in before.items():
        signal.signal(number, handler)


class TestAWorkerThatIsStopped:
    def test_puts_its_report_back_as_if_it_had_not_begun(
        self,
        request_daily_sales: Request,
        locker: psycopg.Connection[Any],
        storage_folder: Path,
        signal_handlers: None,
        outside: psycopg.Connection[Any],
    ) -> None:
        generated = request_daily_sales()
        lock_sales(locker)

        def stop() -> None:
            eventually(lambda: is_waiting_for_a_lock(outside))
            os.kill(os.getpid(), signal.SIGTERM)

        stopper = threading.Thread(target=stop)
        stopper.start()
        # In the main thread: there signals arrive.
        run_next()
        stopper.join()

        assert (state_of(generated), generated.attempt, generated.worker) == (ReportState.QUEUED, 0, "")
        assert files(storage_folder) == []
        assert DBTaskResult.objects.ready().count() == 1
        assert not is_waiting_for_a_lock(outside)


def is_waiting_for_a_lock(outside: psycopg.Connection[Any]) -> bool:
    row = outside.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return row is not None and row[0] > 0


class TestTheReaper:
    @pytest.fixture
    def abandoned(self, request_daily_sales: Request) -> GeneratedReport:
        """A report whose worker took it up, and was never heard of again."""
        generated = request_daily_sales()
        task = DBTaskResult.objects.get()
        task.claim("a dead worker")
        claimed = states.claim(generated.pk, now=NOW)
        assert claimed is not None
        DBTaskResult.objects.update(started_at=NOW)
        return claimed

    def test_leaves_a_report_whose_worker_beats(self, abandoned: GeneratedReport) -> None:
        found = reaper.reap(now=NOW + reaper.SILENT_AFTER)

        assert found == reaper.Reaped()

    def test_puts_a_silent_report_back_and_closes_its_task(self, abandoned: GeneratedReport) -> None:
        found = reaper.reap(now=NOW + reaper.SILENT_AFTER * 2)

        assert found == reaper.Reaped(put_back=1, closed=1)
        assert state_of(abandoned) == ReportState.QUEUED
        assert sorted(DBTaskResult.objects.values_list("status", flat=True)) == ["FAILED", "READY"]

    def test_fails_a_report_whose_worker_died_three_times(self, abandoned: GeneratedReport) -> None:
        GeneratedReport.objects.update(attempt=3)

        found = reaper.reap(now=NOW + reaper.SILENT_AFTER * 2)

        assert found == reaper.Reaped(failed=1, closed=1)
        assert state_of(abandoned) == ReportState.FAILED
        assert abandoned.error.startswith("Its worker died 3 times.")

    def test_queues_a_report_whose_task_is_lost(self, request_daily_sales: Request) -> None:
        generated = request_daily_sales()
        DBTaskResult.objects.all().delete()

        found = reaper.reap(now=NOW + timedelta(minutes=2))
        run_queue(now=NOW)

        assert found == reaper.Reaped(queued=1)
        assert state_of(generated) == ReportState.MADE

    def test_leaves_a_report_that_waits_in_a_long_queue(self, request_daily_sales: Request) -> None:
        request_daily_sales()

        assert reaper.reap(now=NOW + timedelta(hours=2)) == reaper.Reaped()
