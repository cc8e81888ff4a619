"""`manage.py etl verify`, `rebuild` and `reset-cursor`."""

from datetime import date
from pathlib import Path

import pytest

from etl.lease import leased
from etl.models import Cursor, DailyTicketSales, RawSale
from etl.tests.command import etl, json_lines, sales


@pytest.fixture
def loaded(tmp_path: Path, transactional_db: None) -> Path:
    """A file with three sales of one day, which is loaded."""
    path = json_lines(tmp_path / "sales.jsonl", sales(3))
    assert etl("run", "--source", path).code == 0
    return path


class TestVerify:
    def test_ends_with_0_when_the_summaries_are_exact(self, loaded: Path) -> None:
        ended = etl("verify")

        assert ended.code == 0, ended.error
        assert "no difference" in ended.output

    def test_ends_with_1_and_shows_what_differs(self, loaded: Path) -> None:
        DailyTicketSales.objects.update(tickets_sold=7)

        ended = etl("verify")

        assert (ended.code, "`manage.py etl rebuild`" in ended.error) == (1, True)
        assert "tonight 2026-01-05 NGN" in ended.output
        assert "7 / 61.5" in ended.output
        assert "6 / 61.5" in ended.output


class TestRebuild:
    def test_puts_right_what_verify_found(self, loaded: Path) -> None:
        DailyTicketSales.objects.update(tickets_sold=7)

        ended = etl("rebuild")

        assert ended.code == 0
        assert "1 days" in ended.output
        assert etl("verify").code == 0

    @pytest.mark.parametrize(
        ("arguments", "tickets"),
        [
            (["--event", "tonight"], 6),
            (["--event", "another"], 7),
            (["--from", "2026-01-05", "--to", "2026-01-05"], 6),
            (["--from", "2026-01-06"], 7),
            (["--to", "2026-01-04"], 7),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_keeps_to_the_event_and_the_days_that_are_named(
        self, loaded: Path, arguments: list[str], tickets: int
    ) -> None:
        DailyTicketSales.objects.update(tickets_sold=7)

        etl("rebuild", *arguments)

        assert DailyTicketSales.objects.get(sale_date=date(2026, 1, 5)).tickets_sold == tickets

    def test_of_days_that_end_before_they_begin_is_refused(self) -> None:
        ended = etl("rebuild", "--from", "2026-01-06", "--to", "2026-01-05")

        assert (ended.code, "exchange them" in ended.error) == (2, True)


class TestResetCursor:
    def test_lets_the_next_run_read_everything_and_deletes_no_row(self, loaded: Path) -> None:
        ended = etl("reset-cursor", "--yes")
        again = etl("run", "--source", loaded, "--json")

        assert (ended.code, RawSale.objects.count()) == (0, 3)
        assert again.records[-1]["unchanged_count"] == 3

    def test_without_yes_explains_what_would_happen(self, loaded: Path) -> None:
        ended = etl("reset-cursor")

        assert (ended.code, "read everything again" in ended.error) == (2, True)
        assert Cursor.objects.exists()

    def test_never_guesses_which_source_is_meant(self, loaded: Path) -> None:
        etl("run", "--source", loaded, "--name", "box office")

        ended = etl("reset-cursor", "--yes")

        assert (ended.code, "box office, file" in ended.error) == (2, True)
        assert etl("reset-cursor", "--name", "box office", "--yes").code == 0
        assert set(Cursor.objects.values_list("source", flat=True)) == {"file"}

    @pytest.mark.django_db
    def test_says_when_there_is_no_cursor(self) -> None:
        assert etl("reset-cursor", "--yes").code == 2

    def test_is_refused_with_4_while_a_run_would_write_it_again(self, loaded: Path) -> None:
        with leased("file"):
            ended = etl("reset-cursor", "--yes")

        assert (ended.code, Cursor.objects.exists()) == (4, True)
