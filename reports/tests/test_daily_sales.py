"""Daily sales, in the layout that scripts of the legacy service read."""

import csv

import pytest

from analytics.models import Event
from reports.tests.conftest import LODZ, TONIGHT, Make, etl_run, sell


@pytest.fixture
def june(tonight: Event, lodz: Event) -> None:
    sell(TONIGHT, 3, "75.00")
    sell(TONIGHT, 1, "20.50", currency="USD")
    sell(LODZ, 2, "99.99", days=1)
    sell(LODZ, 9, "900", days=30)


class TestDailySalesAsCsv:
    def test_has_the_legacy_sections(self, june: None, make: Make) -> None:
        made = make("daily-sales")

        with made.path.open(encoding="utf-8", newline="") as file:
            assert list(csv.reader(file)) == [
                ["Daily Sales Report"],
                ["Report Date", "2025-06-01 to 2025-06-30"],
                ["Generated At", "2025-06-02T07:30:00.000000Z"],
                [],
                ["Summary"],
                ["Total Sales", "6"],
                ["Total Revenue", "174.9900", "EUR"],
                ["Total Revenue", "20.5000", "USD"],
                ["Total Transfers", "0"],
                ["Invalid Scans", "0"],
                [],
                ["Sales by Event"],
                ["Event ID", "Event Name", "Sale Date", "Tickets Sold", "Revenue", "Currency"],
                [TONIGHT, "Afrobeats Live 2025", "2025-06-01", "3", "75.0000", "EUR"],
                [TONIGHT, "Afrobeats Live 2025", "2025-06-01", "1", "20.5000", "USD"],
                [LODZ, "Koncert w Łodzi, São Paulo gra", "2025-06-02", "2", "99.9900", "EUR"],
            ]

    def test_says_unknown_for_a_missing_name(self, tonight: Event, make: Make) -> None:
        Event.objects.update(name="")
        sell(TONIGHT, 1, "1")

        made = make("daily-sales")

        assert made.path.read_bytes().endswith(b"tonight,Unknown,2025-06-01,1,1.0000,EUR\r\n")

    def test_says_how_many_rows_and_which_etl_run(self, june: None, make: Make) -> None:
        run = etl_run()

        made = make("daily-sales")

        assert (made.row_count, made.row_total, made.etl_run_id) == (3, 3, run.pk)
        assert made.size_bytes == len(made.path.read_bytes())
