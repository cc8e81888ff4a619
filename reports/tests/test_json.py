"""JSON: the legacy document, and one for every other report."""

import json

from analytics.models import Event
from reports.models import FileFormat
from reports.tests.conftest import TONIGHT, Make, sell


class TestDailySalesAsJson:
    def test_is_the_legacy_document(self, tonight: Event, make: Make) -> None:
        sell(TONIGHT, 3, "75")

        document = json.loads(make("daily-sales", FileFormat.JSON).path.read_bytes())

        assert document == {
            "report_date": "2025-06-01 to 2025-06-30",
            "generated_at": "2025-06-02T07:30:00.000000Z",
            "summary": {
                "total_sales": 3,
                "total_revenue": "75.0000",
                "total_transfers": 0,
                "invalid_scans": 0,
            },
            "sales_by_event": [
                {
                    "event_id": TONIGHT,
                    "event_name": "Afrobeats Live 2025",
                    "sale_date": "2025-06-01",
                    "tickets_sold": 3,
                    "revenue": "75.0000",
                    "currency": "EUR",
                }
            ],
        }

    def test_gives_the_revenue_of_each_currency_where_there_are_several(
        self, tonight: Event, make: Make
    ) -> None:
        sell(TONIGHT, 3, "75")
        sell(TONIGHT, 1, "20", currency="USD")

        document = json.loads(make("daily-sales", FileFormat.JSON).path.read_bytes())

        assert document["summary"]["total_revenue"] == {"EUR": "75.0000", "USD": "20.0000"}


class TestEveryOtherReportAsJson:
    def test_names_its_first_and_last_day_and_is_readable_without_rows(
        self, tonight: Event, make: Make
    ) -> None:
        document = json.loads(make("transfers", FileFormat.JSON).path.read_bytes())

        assert (document["report"], document["from"], document["to"]) == (
            "transfers",
            "2025-06-01",
            "2025-06-30",
        )
        assert (document["event_ids"], document["rows"]) == (None, [])
