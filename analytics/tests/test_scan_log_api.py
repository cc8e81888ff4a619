"""GET /qr/scan-log/{ticket_id}."""

from datetime import UTC, datetime

import pytest

from analytics.tests.conftest import NORTH, SOUTH, Call, forged, scan, ticket


@pytest.mark.usefixtures("tonight")
class TestTheScanLog:
    def test_lists_a_tickets_scans_newest_first(self, get: Call) -> None:
        scan(gate=NORTH)
        scan(gate=SOUTH, minutes=5)
        scan(ticket("TKT-002"), minutes=6)

        log = get("/qr/scan-log/TKT-001").json()

        assert [(entry["gate"], entry["outcome"]) for entry in log] == [
            (SOUTH, "duplicate"),
            (NORTH, "admitted"),
        ]
        assert log[1]["received_at"] == datetime(2025, 6, 1, 20, tzinfo=UTC).isoformat().replace(
            "+00:00", "Z"
        )

    def test_shows_refused_scans_with_their_reason(self, get: Call) -> None:
        scan(forged())

        assert get("/qr/scan-log/TKT-001").json()[0]["reason"] == "invalid_signature"

    def test_ends_after_a_hundred(self, get: Call) -> None:
        for minute in range(101):
            scan(minutes=minute)

        log = get("/qr/scan-log/TKT-001").json()

        assert (len(log), log[-1]["outcome"]) == (100, "duplicate")

    def test_of_an_unknown_ticket_is_empty(self, get: Call) -> None:
        assert get("/qr/scan-log/TKT-404").json() == []

    @pytest.mark.parametrize("path", ["/qr/scan-log/a%00b", "/qr/scan-log/" + "x" * 129])
    def test_refuses_what_no_ticket_is_called(self, get: Call, path: str) -> None:
        assert get(path).status_code == 422
