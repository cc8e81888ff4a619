"""A report goes back to the queue when the database cannot serve now, and fails when it never will (R11)."""

from typing import Any

import pytest
import sqlalchemy as sa
from django.core.management import CommandError, call_command
from django.db import connection

from core import db
from reports import worker
from reports.jobs import attempt
from reports.management.commands import report as command
from reports.models import GeneratedReport, ReportState
from reports.tests.conftest import Request
from reports.worker import run_next


def fail_through(library: str, sqlstate: str) -> Any:
    """Return a function that lets Postgres fail with a SQLSTATE, whatever it is given."""
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{sqlstate}'; END $$"

    def fail(*_: Any) -> None:
        if library == "sqlalchemy":
            with db.get_engine().connect() as engine_connection:
                engine_connection.execute(sa.text(statement))
        else:
            with connection.cursor() as cursor:
                cursor.execute(statement)

    return fail


@pytest.mark.parametrize("library", ["django", "sqlalchemy"])
class TestAReportWhoseStatementFails:
    @pytest.fixture
    def after(self, request_daily_sales: Request, monkeypatch: pytest.MonkeyPatch, library: str) -> Any:
        """Return the report after one attempt, at which Postgres failed with a SQLSTATE."""

        def work(sqlstate: str) -> GeneratedReport:
            generated = request_daily_sales()
            monkeypatch.setattr(attempt, "_make", fail_through(library, sqlstate))
            run_next()
            generated.refresh_from_db()
            return generated

        return work

    @pytest.mark.parametrize("sqlstate", ["57014", "40P01", "53400", "55P03"])
    def test_is_queued_again_when_a_later_try_may_succeed(self, after: Any, sqlstate: str) -> None:
        assert after(sqlstate).state == ReportState.QUEUED

    @pytest.mark.parametrize("sqlstate", ["54000", "3B001"])
    def test_fails_at_once_when_it_never_will(self, after: Any, sqlstate: str) -> None:
        generated = after(sqlstate)

        assert generated.state == ReportState.FAILED
        assert "unavailable" not in generated.error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("library", ["django", "sqlalchemy"])
class TestTheWorkersOwnStatements:
    def test_are_tried_again_when_the_database_cannot_serve(
        self, library: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert worker._unless_unavailable(fail_through(library, "40001")) is False
        assert f"conflict (SQLSTATE 40001, borrower {library}): not now" in caplog.text

    def test_stop_the_worker_when_they_are_mistaken(self, library: str) -> None:
        with pytest.raises(Exception, match="not now"):
            worker._unless_unavailable(fail_through(library, "54000"))


@pytest.mark.django_db(transaction=True)
class TestTheReportCommand:
    ARGUMENTS = ("report", "daily-sales", "--from=2025-06-01", "--to=2025-06-01", "--output=-")

    def test_says_in_a_sentence_that_the_database_cannot_serve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "_make", fail_through("sqlalchemy", "57014"))

        with pytest.raises(CommandError, match=r"cannot serve now: timeout \(SQLSTATE 57014.*: not now$"):
            call_command(*self.ARGUMENTS)

    def test_keeps_the_traceback_of_a_mistake(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "_make", fail_through("sqlalchemy", "54000"))

        with pytest.raises(sa.exc.DBAPIError):
            call_command(*self.ARGUMENTS)
