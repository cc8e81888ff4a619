"""An event is read under each of its names; what it does not have is "" or None."""

from datetime import UTC, datetime
from typing import Any

import pytest

from etl.parsing import Dialect, events
from etl.rows import EventRow, Rejection
from etl.tests.upstream_rows import NOW, TONIGHT, read_event


class TestEvent:
    @pytest.mark.parametrize("names", [("id", "name", "timezone"), ("event_id", "title", "tz")])
    def test_is_read_under_each_alias(self, names: tuple[str, str, str]) -> None:
        payload: dict[str, Any] = dict(zip(names, (TONIGHT, "Afrobeats Live", "Africa/Lagos"), strict=True))

        row = read_event(**payload, start="2026-06-01T19:00:00Z", ends_at="2026-06-01T23:00:00+01:00")

        assert row == EventRow(
            event_id=TONIGHT,
            name="Afrobeats Live",
            timezone="Africa/Lagos",
            starts_at=datetime(2026, 6, 1, 19, tzinfo=UTC),
            ends_at=datetime(2026, 6, 1, 22, tzinfo=UTC),
            updated_at=None,
        )

    def test_needs_no_more_than_its_id(self) -> None:
        assert read_event(id=7) == EventRow("7", "", "", None, None, None)

    def test_without_offset_begins_in_its_own_zone(self) -> None:
        row = read_event(id=7, tz="Africa/Lagos", starts_at="2026-06-01T20:00:00")

        assert row.starts_at == datetime(2026, 6, 1, 19, tzinfo=UTC)

    def test_with_a_day_only_has_no_instant(self) -> None:
        assert read_event(id=7, start_date="2026-06-01").starts_at is None

    @pytest.mark.parametrize(
        ("payload", "field", "reason"),
        [
            ({"name": "Nameless"}, "id", "is missing"),
            ({"id": 7, "tz": "Lagos"}, "tz", "'Lagos' is not an IANA time zone"),
            ({"id": 7, "tz": 1}, "tz", "1 is not an IANA time zone"),
            ({"id": 7, "title": "x" * 201}, "title", "200 are allowed"),
            ({"id": 7, "start": "soon"}, "start", "'soon' is not an ISO-8601"),
            ({"id": 7, "start": "2026-06-01T20:00:00"}, "start", "ETL_TIMEZONE"),
        ],
    )
    def test_that_cannot_be_read_is_rejected(self, payload: dict[str, Any], field: str, reason: str) -> None:
        row = events.read_event(payload, Dialect(now=NOW))

        assert isinstance(row, Rejection)
        assert (row.payload, row.field) == (payload, field)
        assert reason in row.reason
