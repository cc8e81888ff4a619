"""PDF: what stands on its pages, by its text."""

import pytest
from pypdf import PdfReader

from analytics.models import Event
from reports.formats import pdf
from reports.formats.pdf.text import MISSING
from reports.models import FileFormat
from reports.tests.conftest import LODZ, TONIGHT, Make, etl_run, sell


def pages(make: Make, slug: str = "daily-sales") -> list[str]:
    made = make(slug, FileFormat.PDF)
    return [page.extract_text() for page in PdfReader(made.path).pages]


class TestPdf:
    def test_begins_with_parameters_figures_and_a_chart(self, lodz: Event, make: Make) -> None:
        sell(TONIGHT, 1234, "5678.50")
        run = etl_run()

        first = pages(make)[0]

        for text in (
            "Daily sales",
            "2025-06-01",
            "2025-06-30",
            "1,234",
            "5,678.50 EUR",
            "Tickets sold by day",
        ):
            assert text in first
        assert f"Newest ETL run\n{run.pk}" in first

    def test_prints_the_rows_with_their_heading_on_each_page(self, tonight: Event, make: Make) -> None:
        for currency in range(80):
            sell(TONIGHT, currency, "1", currency=f"C{currency:02}")

        rows = pages(make)[1:]

        assert len(rows) > 1
        assert all("Tickets Sold" in page for page in rows)
        assert "C79" in rows[-1]

    def test_has_the_letters_of_lodz_and_sao_paulo(self, lodz: Event, make: Make) -> None:
        sell(LODZ, 2, "99.99")

        assert "Koncert w Łodzi, São Paulo gra" in pages(make)[1]

    def test_shows_that_a_letter_is_missing_and_says_so(self, tonight: Event, make: Make) -> None:
        Event.objects.update(name="東京 live")
        sell(TONIGHT, 1, "1")

        first, second = pages(make)

        assert "the other formats have them all" in first
        assert MISSING in second

    def test_prints_a_bounded_number_of_rows_and_says_so(
        self, tonight: Event, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pdf.Pdf, "row_limit", 2)
        for day in range(5):
            sell(TONIGHT, 1, "1", days=day)

        first, second = pages(make)

        assert "Rows 1 to 2 of 5 are printed; the CSV has them all." in first
        assert second.count("2025-06-0") == 2

    def test_without_rows_says_so(self, tonight: Event, make: Make) -> None:
        assert "No rows." in pages(make)[1]
