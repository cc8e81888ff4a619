"""XLSX, read with another library than the one that wrote it."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from openpyxl import load_workbook

from analytics.models import Event
from reports.catalogue import Column, Kind
from reports.formats import xlsx
from reports.formats.totals import Totals
from reports.jobs.stopping import Stopped
from reports.models import FileFormat
from reports.tests.conftest import LODZ, TONIGHT, Make, etl_run, make_with, sell


@pytest.fixture
def june(lodz: Event) -> None:
    Event.objects.filter(event_id=TONIGHT).update(name="=HYPERLINK(1)")
    Event.objects.filter(event_id=LODZ).update(name="https://example.org/łódź")
    sell(TONIGHT, 3, "75.50")
    sell(TONIGHT, 1, "20", currency="USD")
    sell(LODZ, 2, "99.99", days=1)
    etl_run()


def cells(sheet: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


class TestXlsx:
    def test_has_real_dates_and_numbers_and_totals_for_each_currency(self, june: None, make: Make) -> None:
        book = load_workbook(make("daily-sales", FileFormat.XLSX).path)

        assert cells(book["Rows"])[1:] == [
            [TONIGHT, "=HYPERLINK(1)", datetime(2025, 6, 1), 3, 75.5, "EUR"],
            [TONIGHT, "=HYPERLINK(1)", datetime(2025, 6, 1), 1, 20, "USD"],
            [LODZ, "https://example.org/łódź", datetime(2025, 6, 2), 2, 99.99, "EUR"],
            ["Total", None, None, 6, None, None],
            ["Total EUR", None, None, None, 175.49, "EUR"],
            ["Total USD", None, None, None, 20, "USD"],
        ]

    def test_holds_no_formula_and_no_link(self, june: None, make: Make) -> None:
        sheet = load_workbook(make("daily-sales", FileFormat.XLSX).path)["Rows"]

        assert sheet["B2"].data_type in {"s", "inlineStr"}
        assert [cell.hyperlink for row in sheet.iter_rows() for cell in row if cell.hyperlink] == []

    def test_freezes_its_header_and_filters_the_rows_without_the_totals(self, june: None, make: Make) -> None:
        sheet = load_workbook(make("daily-sales", FileFormat.XLSX).path)["Rows"]

        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:F4")

    def test_without_rows_filters_its_header(self, tonight: Event, make: Make) -> None:
        sheet = load_workbook(make("daily-sales", FileFormat.XLSX).path)["Rows"]

        assert cells(sheet)[1][:4] == ["Total", None, None, 0]
        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:F1")

    def test_says_on_a_sheet_what_was_asked_and_found(self, june: None, make: Make) -> None:
        sheet = load_workbook(make("daily-sales", FileFormat.XLSX).path)["Parameters"]

        facts = [(row[0], row[1]) for row in cells(sheet)]
        assert facts[:2] == [("Report", "Daily sales"), ("From", datetime(2025, 6, 1))]
        assert ("Generated at (UTC)", datetime(2025, 6, 2, 7, 30)) in facts
        assert ("Events", "all") in facts
        assert ("Total Sales", 6) in facts
        assert ("Rows", 3) in facts


class TestAnXlsxThatCannotBeWritten:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Nothing can be put together there: its folder is missing."""
        path = tmp_path / "report.xlsx"
        path.symlink_to(tmp_path / "missing" / "report.xlsx")
        return path

    def test_says_what_the_disk_said_and_leaves_nothing(self, june: None, make: Make, path: Path) -> None:
        with pytest.raises(OSError, match="No such file or directory"):
            make("daily-sales", FileFormat.XLSX)

        assert list(path.parent.iterdir()) == []

    def test_is_not_even_tried_when_its_worker_is_stopped(self, june: None, path: Path) -> None:
        def stop(rows: int, total: int | None) -> None:
            if rows:
                raise Stopped

        with pytest.raises(Stopped):
            make_with(path, stop, FileFormat.XLSX)

        assert list(path.parent.iterdir()) == []


class TestRowSheets:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "rows.xlsx"

    def write(self, path: Path, columns: tuple[Column, ...], rows: list[list[Any]]) -> Any:
        totals = Totals(columns)
        totals.add(rows)
        with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
            sheets = xlsx.RowSheets(book, columns)
            sheets.write(rows)
            sheets.write_totals(totals.lines())
        return load_workbook(path)

    def test_go_on_where_one_is_full(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # A constant of Excel's: a million rows would only make the test slow.
        monkeypatch.setattr(xlsx, "ROWS_OF_A_SHEET", 2)
        columns = (Column("name", "Name"), Column("n", "Number", Kind.INTEGER, has_total=True))

        book = self.write(path, columns, [["a", 1], ["b", 2], ["c", 3], ["d", 4]])

        assert book.sheetnames == ["Rows", "Rows 2", "Rows 3"]
        assert cells(book["Rows 2"]) == [["Name", "Number"], ["c", 3], ["d", 4]]
        assert cells(book["Rows 3"]) == [["Name", "Number"], ["Total", 10]]

    def test_keep_every_digit_of_what_excel_would_round(self, path: Path) -> None:
        columns = (Column("n", "Number", Kind.INTEGER), Column("m", "Money", Kind.MONEY))

        book = self.write(path, columns, [[2**53 + 1, Decimal("123456789012345678.1234")], [-5, Decimal(1)]])

        assert cells(book["Rows"])[1:] == [["9007199254740993", "123456789012345678.1234"], [-5, 1]]

    def test_clip_visibly_what_no_cell_can_hold(self, path: Path) -> None:
        book = self.write(path, (Column("name", "Name"),), [["x" * 40_000]])

        assert book["Rows"]["A2"].value == "x" * 32_766 + "…"
