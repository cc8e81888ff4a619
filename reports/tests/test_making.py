"""One report, one transaction, one file."""

import csv
import hashlib
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from django.db import connections, transaction

from analytics.models import Event
from analytics.tests.conftest import forged, scan, ticket
from reports.catalogue import Parameters
from reports.making import InsideTransaction, Preview
from reports.making.rows import BATCH
from reports.making.snapshot import snapshot
from reports.models import FileFormat
from reports.tests.conftest import (
    JUNE,
    LODZ,
    TONIGHT,
    Make,
    etl_run,
    make_with,
    model,
    sell,
    sell_on_many_days,
)


def elsewhere(action: Callable[[], object]) -> None:
    """Do something on another connection, and wait until it is committed."""

    def run() -> None:
        try:
            action()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


class TestMaking:
    def test_gives_totals_that_equal_the_rows_while_others_write(
        self, tonight: Event, tmp_path: Path
    ) -> None:
        sell(TONIGHT, 3, "75")

        def sell_more(rows: int, total: int | None) -> None:
            # First called when the figures are read, and the rows are not.
            if rows == 0:
                elsewhere(lambda: sell(TONIGHT, 100, "1000", days=1))

        made = make_with(tmp_path / "report", sell_more)

        assert made.row_count == made.row_total == 1
        assert made.preview.figures[0] == ("Total Sales", "3")
        assert [row[3] for row in made.preview.rows] == ["3"]
        assert model("etl.DailyTicketSales")._default_manager.count() == 2

    def test_names_the_file_by_its_content(self, tonight: Event, tmp_path: Path) -> None:
        sell(TONIGHT, 1, "1")

        made = make_with(tmp_path / "report", lambda *_: None)

        content = made.path.read_bytes()
        assert (made.sha256, made.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))

    def test_reads_in_a_transaction_that_cannot_write(self, tonight: Event) -> None:
        rename = sa.text("UPDATE events SET name = 'changed'")

        with snapshot() as connection, pytest.raises(sa.exc.DBAPIError, match="read-only transaction"):
            connection.execute(rename)

    def test_reads_every_row_once_over_many_batches(self, tonight: Event, make: Make) -> None:
        count = 2 * BATCH + 1
        sell_on_many_days(count)

        path = make("daily-sales", parameters=Parameters(start=JUNE.start, end=date(2099, 1, 1))).path

        with path.open(newline="") as file:
            days = [row[2] for row in csv.reader(file) if row and row[0] == TONIGHT]
        assert len(days) == len(set(days)) == count

    def test_reports_its_progress_at_the_beginning_and_at_the_end(
        self, tonight: Event, tmp_path: Path
    ) -> None:
        sell(TONIGHT, 3, "75")
        reported: list[tuple[int, int | None]] = []

        make_with(tmp_path / "report", lambda rows, total: reported.append((rows, total)))

        assert (reported[0], reported[-1]) == ((0, 1), (1, 1))

    def test_leaves_no_half_a_file_behind(self, tonight: Event, tmp_path: Path) -> None:
        def give_up(rows: int, total: int | None) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make_with(tmp_path / "report", give_up)

        assert list(tmp_path.iterdir()) == []

    def test_refuses_to_run_inside_another_transaction(self, tonight: Event, tmp_path: Path) -> None:
        with transaction.atomic(), pytest.raises(InsideTransaction, match="make it outside"):
            make_with(tmp_path / "report", lambda *_: None)

    def test_keeps_a_preview_that_survives_being_stored(self, lodz: Event, make: Make) -> None:
        sell(LODZ, 2, "99.99")

        preview = make("daily-sales").preview

        assert Preview.from_json(preview.to_json()) == preview
        assert preview.rows == [[LODZ, "Koncert w Łodzi, São Paulo gra", "2025-06-01", "2", "99.9900", "EUR"]]
        assert ("Total Revenue", "99.9900 EUR") in preview.figures

    @pytest.mark.parametrize("file_format", FileFormat.values)
    def test_previews_the_same_in_every_format(self, lodz: Event, make: Make, file_format: str) -> None:
        sell(LODZ, 2, "99.99")

        assert make("daily-sales", FileFormat(file_format)).preview == make("daily-sales").preview

    @pytest.mark.parametrize("file_format", FileFormat.values)
    def test_previews_of_a_long_text_what_a_page_can_show(
        self, tonight: Event, make: Make, file_format: str
    ) -> None:
        etl_run(error="x" * 200)
        etl_run(error="x" * 201)

        fits, clipped = (row[-1] for row in make("etl-runs", FileFormat(file_format)).preview.rows)

        assert (fits, clipped) == ("x" * 200, "x" * 199 + "…")


class TestNarrowing:
    def test_leaves_out_the_events_that_were_not_chosen(self, lodz: Event, make: Make) -> None:
        sell(TONIGHT, 3, "75")
        sell(LODZ, 2, "99.99")

        made = make("daily-sales", parameters=Parameters(start=JUNE.start, end=JUNE.end, event_ids=(LODZ,)))

        assert [row[0] for row in made.preview.rows] == [LODZ]
        assert made.preview.figures[0] == ("Total Sales", "2")

    def test_of_no_events_is_empty(self, tonight: Event, make: Make) -> None:
        sell(TONIGHT, 3, "75")

        made = make("daily-sales", parameters=Parameters(start=JUNE.start, end=JUNE.end, event_ids=()))

        assert (made.row_count, made.preview.figures[0]) == (0, ("Total Sales", "0"))

    def test_takes_the_first_day_and_not_the_last(self, tonight: Event, make: Make) -> None:
        for day in range(3):
            sell(TONIGHT, day + 1, "1", days=day)

        made = make("daily-sales", parameters=Parameters(start=date(2025, 6, 1), end=date(2025, 6, 3)))

        assert [row[3] for row in made.preview.rows] == ["1", "2"]


class TestDataVersion:
    def test_stays_while_nothing_changes(self, tonight: Event, make: Make) -> None:
        sell(TONIGHT, 3, "75")

        assert make("daily-sales").data_version == make("daily-sales").data_version

    def test_stays_after_an_etl_run_that_changed_nothing(self, tonight: Event, make: Make) -> None:
        before = make("daily-sales")
        run = etl_run()

        after = make("daily-sales")

        assert after.data_version == before.data_version
        assert (before.etl_run_id, after.etl_run_id) == (None, run.pk)

    def test_changes_with_a_new_sale(self, tonight: Event, make: Make) -> None:
        before = make("daily-sales").data_version
        sell(TONIGHT, 1, "10")

        assert make("daily-sales").data_version != before

    def test_changes_when_a_sale_is_corrected_from_one_event_to_another(
        self, lodz: Event, make: Make
    ) -> None:
        sell(TONIGHT, 1, "10")
        before = make("daily-sales").data_version
        model("etl.DailyTicketSales")._default_manager.update(event_id=LODZ)

        assert make("daily-sales").data_version != before

    def test_changes_with_an_events_name(self, tonight: Event, make: Make) -> None:
        before = make("sales-by-event").data_version
        Event.objects.update(name="Afrobeats Live, day 1")

        assert make("sales-by-event").data_version != before

    def test_stays_with_a_sale_in_another_month(self, tonight: Event, make: Make) -> None:
        sell(TONIGHT, 1, "10")
        before = make("daily-sales").data_version
        sell(TONIGHT, 1, "10", days=40)

        assert make("daily-sales").data_version == before

    def test_of_daily_sales_changes_when_the_gates_refuse_somebody_unless_in_another_month(
        self, tonight: Event, make: Make
    ) -> None:
        before = make("daily-sales").data_version
        scan(forged("T-1", event=TONIGHT), minutes=40 * 24 * 60)
        in_another_month = make("daily-sales").data_version
        scan(forged("T-1", event=TONIGHT))

        assert in_another_month == before
        assert make("daily-sales").data_version != before

    def test_of_sales_by_event_stays_when_the_gates_are_busy(self, tonight: Event, make: Make) -> None:
        sell(TONIGHT, 1, "10")
        before = make("sales-by-event").data_version
        scan(ticket("T-1", event=TONIGHT))
        scan(forged("T-1", event=TONIGHT))

        assert make("sales-by-event").data_version == before

    def test_differs_from_report_to_report_and_period_to_period(self, tonight: Event, make: Make) -> None:
        one_day = Parameters(start=date(2025, 6, 1), end=date(2025, 6, 2))

        versions = {make("daily-sales").data_version, make("sales-by-event").data_version}

        assert make("daily-sales", parameters=one_day).data_version not in versions
        assert len(versions) == 2
