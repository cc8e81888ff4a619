"""`manage.py etl status` and the questions behind it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from core.pool import SharedPool
from core.tests.fixtures import held
from etl import queries
from etl.lease import leased
from etl.models import Run, RunOutcome
from etl.tests.command import NOON, etl, json_lines, sales


def run(source: str = "upstream", *, hours: int = 0, outcome: RunOutcome = RunOutcome.DONE) -> Run:
    """Record a run that began `hours` after noon and took two minutes."""
    began = NOON + timedelta(hours=hours)
    return Run.objects.create(
        source=source,
        mode="incremental",
        started_at=began,
        finished_at=began + timedelta(minutes=2),
        outcome=outcome,
    )


@pytest.mark.django_db
class TestStatus:
    def test_before_the_first_run_says_what_to_type(self) -> None:
        ended = etl("status")

        assert (ended.code, "`manage.py etl run`" in ended.output) == (0, True)
        assert etl("status", "--json").output == ""

    def test_shows_runs_cursor_and_open_rejects(self, tmp_path: Path) -> None:
        rows = [*sales(2), *sales(3, quantity=-1)[2:]]
        etl("run", "--source", json_lines(tmp_path / "sales.jsonl", rows), "--max-rejects", 1)

        output = etl("status").output

        assert "incremental" in output
        assert "Done" in output
        assert "sales: read up to 2026-01-05 12:02:00Z" in output
        assert "rejected rows: 1" in output

    def test_says_the_same_as_json(self, tmp_path: Path) -> None:
        etl("run", "--source", json_lines(tmp_path / "sales.jsonl", sales(2)))

        [record] = etl("status", "--json").records

        assert (record["source"], record["open_reject_count"], record["lease"]) == ("file", 0, None)
        assert record["cursors"]["sales"]["cursor_at"] == "2026-01-05T12:02:00+00:00"
        assert [each["inserted_count"] for each in record["runs"]] == [2]
        assert record["age_seconds"] >= 0

    def test_shows_who_loads_a_source_now(self) -> None:
        run()

        with leased("upstream"):
            assert "loads it now" in etl("status").output
            assert etl("status", "--json").records[0]["lease"]["run"] is None


@pytest.mark.django_db
class TestSourceStatuses:
    def test_hold_the_last_runs_of_each_source_newest_first(self) -> None:
        runs = [run(hours=hours) for hours in range(4)]
        other = run("pretix")

        statuses = queries.source_statuses(now=timezone.now(), run_count=2)

        assert [(each.source, list(each.runs)) for each in statuses] == [
            ("pretix", [other]),
            ("upstream", [runs[3], runs[2]]),
        ]

    def test_are_as_fresh_as_the_beginning_of_the_last_run_that_was_done(self) -> None:
        run(hours=1)
        run(hours=2, outcome=RunOutcome.FAILED)

        [status] = queries.source_statuses(now=timezone.now(), run_count=1)

        assert status.fresh_at == NOON + timedelta(hours=1)

    def test_are_of_no_age_before_a_run_was_done(self) -> None:
        run(outcome=RunOutcome.INTERRUPTED)

        [status] = queries.source_statuses(now=timezone.now(), run_count=1)

        assert status.fresh_at is None

    def test_pass_over_a_lease_that_is_over(self) -> None:
        run()

        with leased("upstream"):
            [status] = queries.source_statuses(now=datetime(2100, 1, 1, tzinfo=UTC), run_count=1)

        assert status.lease is None

    def test_cost_five_statements(self, django_assert_num_queries: pytest.FixtureRequest) -> None:
        for source in ("upstream", "pretix", "file"):
            run(source)

        with django_assert_num_queries(5):  # type: ignore[operator]
            queries.source_statuses(now=timezone.now(), run_count=5)


@pytest.mark.django_db
class TestTheLastRun:
    def test_is_the_one_that_began_last(self) -> None:
        run(hours=1)
        latest = run(hours=2, outcome=RunOutcome.FAILED)
        other = run("pretix", hours=3)

        assert queries.last_run() == other
        assert queries.last_run(source="upstream") == latest

    def test_is_none_before_the_first(self) -> None:
        assert queries.last_run() is None


@pytest.mark.django_db(transaction=True)
class TestADatabaseThatIsAway:
    def test_ends_with_1_and_a_sentence(
        self, django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(django_pool, "timeout", 0.1)

        with held(django_pool):
            ended = etl("status")

        assert (ended.code, "cannot serve now (pool_full)" in ended.error) == (1, True)
