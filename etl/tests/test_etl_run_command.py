"""`manage.py etl run`: what it prints, and how it ends."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import execute_from_command_line
from django.test import override_settings

from core.embedded import EmbeddedPostgres
from etl.lease import leased
from etl.models import (
    Cursor,
    DailyTicketSales,
    EventSalesSummary,
    RawEvent,
    RawSale,
    RejectedRow,
    Run,
    RunOutcome,
)
from etl.tests.command import Terminal, child, etl, json_lines, sales, stored
from etl.tests.held_upstream import TOKEN, HeldUpstream, served

CHILD_SECONDS = 60.0


@pytest.fixture
def upstream(transactional_db: None) -> Iterator[HeldUpstream]:
    """The upstream API with 95 sales on ten pages, and its token in the settings."""
    events = [{"id": "tonight", "name": "Tonight", "timezone": "Africa/Lagos"}]
    with (
        served(HeldUpstream(sales=sales(95), events=events)) as upstream,
        override_settings(ETL_SOURCE_TOKEN=TOKEN),
    ):
        yield upstream


@pytest.fixture
def sales_file(tmp_path: Path) -> Path:
    return json_lines(tmp_path / "sales.jsonl", sales(5))


class TestARunOverTheUpstream:
    def test_loads_events_and_sales(self, upstream: HeldUpstream) -> None:
        ended = etl("run", "--source", upstream.address)

        assert ended.code == 0
        assert (RawEvent.objects.count(), RawSale.objects.count()) == (1, 95)

    def test_changes_nothing_the_second_time(self, upstream: HeldUpstream) -> None:
        etl("run", "--source", upstream.address)
        before = stored()

        ended = etl("run", "--source", upstream.address, "--full", "--json")

        assert stored() == before
        assert ended.records[-1]["unchanged_count"] == ended.records[-1]["read_count"] == 96

    def test_reads_only_what_is_new(self, upstream: HeldUpstream) -> None:
        etl("run", "--source", upstream.address)
        upstream.sales = sales(96)

        ended = etl("run", "--source", upstream.address, "--json")

        assert ended.records[-1]["inserted_count"] == 1
        assert ended.records[-1]["read_count"] < 20

    def test_prints_a_line_for_each_page_and_one_for_the_run(self, upstream: HeldUpstream) -> None:
        lines = etl("run", "--source", upstream.address).output.splitlines()

        assert len(lines) == 1 + 11 + 1
        assert "page 1 of 10 of sales: 10 rows: 10 inserted, 0 updated, 0 unchanged, 0 rejected" in lines[2]
        assert "done, 11 pages, 96 rows: 96 inserted" in lines[-1]

    def test_prints_json_when_it_is_asked_for(self, upstream: HeldUpstream) -> None:
        *pages, run = etl("run", "--source", upstream.address, "--json").records

        assert [page["read_count"] for page in pages] == [1, *[10] * 9, 5]
        assert (run["outcome"], run["read_count"], run["page_count"]) == ("done", 96, 11)

    def test_draws_bars_and_a_table_on_a_terminal(self, upstream: HeldUpstream) -> None:
        ended = etl("run", "--source", upstream.address, stdout=Terminal())

        assert "sales" in ended.output
        assert "rows/s" in ended.output
        assert re.search(r"Inserted +│ 96 ", ended.output)

    def test_writes_nothing_when_it_is_dry(self, upstream: HeldUpstream) -> None:
        ended = etl("run", "--source", upstream.address, "--dry-run", "--json")

        assert ended.records[-1] == {
            "table": "raw_sales",
            "insert": 95,
            "update": 0,
            "unchanged": 0,
            "rejected": 0,
        }
        assert not RawSale.objects.exists()
        assert not Run.objects.exists()


class TestARunThatFails:
    """A failed load that is logged as success is found when the numbers are missing: too late."""

    def test_ends_with_1_and_is_recorded_as_failed(self, upstream: HeldUpstream) -> None:
        upstream.status = 404

        ended = etl("run", "--source", upstream.address)

        assert ended.code == 1
        assert "404" in ended.error
        run = Run.objects.get()
        assert (run.outcome, "404" in run.error) == (RunOutcome.FAILED, True)
        assert run.finished_at is not None

    def test_never_shows_the_token(self, upstream: HeldUpstream) -> None:
        with override_settings(ETL_SOURCE_TOKEN="another-token-of-the-upstream"):
            ended = etl("run", "--source", upstream.address)

        assert ended.code == 1
        assert "another-token" not in ended.output + ended.error + Run.objects.get().error

    @pytest.mark.django_db
    def test_over_a_file_that_is_not_there_says_so(self, tmp_path: Path) -> None:
        ended = etl("run", "--source", tmp_path / "absent.csv")

        assert ended.code in {1, 2}
        assert "absent.csv" in ended.error


@pytest.mark.django_db
class TestTooManyRejects:
    @pytest.fixture
    def half_bad(self, tmp_path: Path) -> Path:
        return json_lines(tmp_path / "sales.jsonl", [*sales(3), *sales(3, quantity=-1)])

    def test_end_with_3(self, half_bad: Path) -> None:
        ended = etl("run", "--source", half_bad)

        assert ended.code == 3
        assert "3 of 6 rows were rejected, the limit is 5 %" in ended.error
        assert Run.objects.get().outcome == RunOutcome.TOO_MANY_REJECTS

    @pytest.mark.parametrize("limit", ["3", "50%"])
    def test_are_as_many_as_the_caller_says(self, half_bad: Path, limit: str) -> None:
        assert etl("run", "--source", half_bad, "--max-rejects", limit).code == 0
        assert RejectedRow.objects.count() == 3


@pytest.mark.django_db(transaction=True)
class TestASecondRun:
    """Two runs that load one source side by side would overwrite each other's cursor."""

    def test_is_refused_with_4_while_another_loads_the_source(self, sales_file: Path) -> None:
        with leased("file"):
            ended = etl("run", "--source", sales_file)

        assert ended.code == 4
        assert "is at work" in ended.error
        assert not RawSale.objects.exists()
        assert not Run.objects.exists()

    def test_of_another_source_is_not(self, sales_file: Path) -> None:
        with leased("file"):
            ended = etl("run", "--source", sales_file, "--name", "box office")

        assert ended.code == 0
        assert RawSale.objects.filter(source="box office").count() == 5


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["run", "--since", "yesterday"],
            ["run", "--since", "2026-01-05T10:00:00"],
            ["run", "--max-rejects", "many"],
            ["run", "--page-size", "0"],
            ["rejects"],
            ["rebuild", "--from", "2026-13-01"],
            ["unknown"],
        ],
        ids=" ".join,
    )
    def test_what_cannot_be_read_ends_with_2(self, arguments: list[str], capsys: Any) -> None:
        with pytest.raises(SystemExit) as ended:
            execute_from_command_line(["manage.py", "etl", *arguments])

        assert ended.value.code == 2
        assert "error" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ([], "set ETL_SOURCE_URL"),
            (["--source", "a.csv", "--since", "2026-01-05", "--full"], "leave out either"),
            (["--source", "a.csv", "--since", "2026-01-05", "--until", "2026-01-05"], "is not after"),
            (["--source", "http://127.0.0.1:9", "--events"], "an API has one address for events"),
            (["--source", "a.csv", "--name", "n" * 65], "at most 64"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_contradicts_itself_ends_with_2(self, arguments: list[str], sentence: str) -> None:
        ended = etl("run", *arguments)

        assert ended.code == 2
        assert sentence in ended.error


class TestAFile:
    @pytest.mark.django_db
    def test_may_hold_events(self, tmp_path: Path) -> None:
        events = json_lines(tmp_path / "events.jsonl", [{"id": "tonight", "name": "Tonight"}])

        ended = etl("run", "--source", events, "--events")

        assert ended.code == 0
        assert RawEvent.objects.get().name == "Tonight"


class TestASignal:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_ends_a_run_that_waits_for_its_source_and_the_next_one_completes_it(
        self, upstream: HeldUpstream, postgres: EmbeddedPostgres, number: signal.Signals, code: int
    ) -> None:
        upstream.held_page = 5

        with child(postgres, "run", "--source", upstream.address, "--json") as process:
            assert upstream.reached.wait(CHILD_SECONDS)
            process.send_signal(number)
            output, errors = process.communicate(timeout=CHILD_SECONDS)
        upstream.held_page = 0
        interrupted = Run.objects.get()
        again = etl("run", "--source", upstream.address)

        assert process.returncode == code, errors
        assert f"stopped by {number.name}" in errors
        assert "Traceback" not in errors
        assert '"outcome": "interrupted"' in output.splitlines()[-1]
        assert interrupted.outcome == RunOutcome.INTERRUPTED
        assert again.code == 0
        assert stored() == undisturbed(upstream)

    def test_that_comes_twice_ends_it_at_once(
        self, upstream: HeldUpstream, postgres: EmbeddedPostgres
    ) -> None:
        upstream.held_page = 1

        with child(postgres, "run", "--source", upstream.address) as process:
            assert upstream.reached.wait(CHILD_SECONDS)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=CHILD_SECONDS)

        assert process.returncode in {143, -signal.SIGTERM}


class TestAKilledRun:
    def test_leaves_nothing_that_the_next_one_does_not_put_right(
        self, upstream: HeldUpstream, postgres: EmbeddedPostgres
    ) -> None:
        upstream.held_page = 5

        with child(postgres, "run", "--source", upstream.address) as process:
            assert upstream.reached.wait(CHILD_SECONDS)
            process.kill()
            process.communicate(timeout=CHILD_SECONDS)
        upstream.held_page = 0
        again = etl("run", "--source", upstream.address)

        assert again.code == 0, again.error
        assert Run.objects.order_by("id")[0].outcome == RunOutcome.KILLED
        assert stored() == undisturbed(upstream)


def undisturbed(upstream: HeldUpstream) -> tuple[list[Any], ...]:
    """Return what one run over the same upstream stores in an empty database."""
    models: list[Any] = [DailyTicketSales, EventSalesSummary, RawSale, RawEvent, Cursor]
    for model in models:
        model.objects.all().delete()
    assert etl("run", "--source", upstream.address).code == 0
    return stored()
