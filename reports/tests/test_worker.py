"""`manage.py report_worker` as a process: stopped, killed, and replaced by another."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from core.embedded import EmbeddedPostgres
from core.tests.fixtures import eventually
from reports.jobs import reaper
from reports.models import ReportState
from reports.tests.conftest import Request, files, lock_sales, state_of

START_SECONDS = 60.0
StartWorker = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_worker(postgres: EmbeddedPostgres, storage_folder: Path) -> Iterator[StartWorker]:
    """Start a worker on the test database; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "manage.py", "report_worker", *arguments],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DATABASE_URL": postgres.url(connection.settings_dict["NAME"]),
                "REPORT_STORAGE": str(storage_folder),
            },
            stdin=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def connections_of(worker: "subprocess.Popen[bytes]", outside: psycopg.Connection[Any]) -> int:
    name = f"turnstile:report_worker:{worker.pid}"
    row = outside.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [name]
    ).fetchone()
    assert row is not None
    return int(row[0])


class TestAKilledWorker:
    def test_loses_no_report_and_leaves_one_file(
        self,
        request_daily_sales: Request,
        start_worker: StartWorker,
        locker: psycopg.Connection[Any],
        outside: psycopg.Connection[Any],
        storage_folder: Path,
    ) -> None:
        generated = request_daily_sales(now=timezone.now())
        lock_sales(locker)
        worker = start_worker()
        eventually(lambda: state_of(generated) == ReportState.MAKING, timeout=START_SECONDS)
        first_beat = generated.heartbeat_at
        eventually(lambda: state_of(generated) and generated.heartbeat_at != first_beat)
        assert connections_of(worker, outside) <= 3

        worker.kill()
        worker.wait()
        found = reaper.reap(now=timezone.now() + timedelta(minutes=2))
        locker.rollback()
        start_worker("--once").wait(START_SECONDS)

        assert (found.put_back, found.closed) == (1, 1)
        assert (state_of(generated), generated.attempt) == (ReportState.MADE, 2)
        assert files(storage_folder) == [generated.file_name]


class TestAWorkerWhoseChoresFail:
    def test_makes_reports_all_the_same(
        self, request_daily_sales: Request, start_worker: StartWorker
    ) -> None:
        generated = request_daily_sales()
        rename_column("hour", "hours")
        try:
            worker = start_worker()
            eventually(lambda: state_of(generated) == ReportState.MADE, timeout=START_SECONDS)
        finally:
            rename_column("hours", "hour")

        assert worker.poll() is None


def rename_column(old: str, new: str) -> None:
    """Break, or mend, every schedule at once."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE report_schedules RENAME COLUMN {old} TO {new}")


class TestAWorkerThatIsStopped:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ends_at_once_and_puts_its_report_back(
        self,
        request_daily_sales: Request,
        start_worker: StartWorker,
        locker: psycopg.Connection[Any],
        storage_folder: Path,
        number: signal.Signals,
    ) -> None:
        generated = request_daily_sales()
        lock_sales(locker)
        worker = start_worker()
        eventually(lambda: state_of(generated) == ReportState.MAKING, timeout=START_SECONDS)

        worker.send_signal(number)
        code = worker.wait(START_SECONDS)

        assert (code, state_of(generated), generated.attempt) == (0, ReportState.QUEUED, 0)
        assert files(storage_folder) == []

    def test_ends_with_whoever_holds_its_standard_input(
        self, request_daily_sales: Request, start_worker: StartWorker
    ) -> None:
        generated = request_daily_sales()
        worker = start_worker("--until-stdin-closes")
        eventually(lambda: state_of(generated) == ReportState.MADE, timeout=START_SECONDS)

        assert worker.stdin is not None
        worker.stdin.close()

        assert worker.wait(START_SECONDS) == 0
