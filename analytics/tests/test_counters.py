"""The counters count what the tables hold, per UTC day, without reading them (S4)."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from analytics import qr, queries
from analytics.models import COUNTER_SHARDS, EventCounter
from analytics.tests.conftest import EIGHT, TONIGHT, counts, forged, invalid_attempt, scan, ticket, transfer


@pytest.mark.usefixtures("tonight")
class TestACounter:
    @pytest.mark.parametrize(
        ("happens", "expected"),
        [
            (scan, {"scan_count": 1, "valid_scan_count": 1, "admitted_count": 1}),
            (
                lambda: scan(forged()),
                {"scan_count": 1, "invalid_scan_count": 1, "refused_count": 1, "invalid_attempt_count": 1},
            ),
            (
                lambda: scan(qr.sign({"event": TONIGHT})),
                {"scan_count": 1, "valid_scan_count": 1, "refused_count": 1, "invalid_attempt_count": 1},
            ),
            (transfer, {"transfer_count": 1, "successful_transfer_count": 1}),
            (lambda: transfer(is_successful=False), {"transfer_count": 1, "failed_transfer_count": 1}),
            (invalid_attempt, {"invalid_attempt_count": 1}),
        ],
        ids=["admitted", "forged", "genuine but malformed", "transfer", "failed transfer", "invalid attempt"],
    )
    def test_counts_what_happened(self, happens: Callable[[], object], expected: dict[str, int]) -> None:
        happens()

        assert counts() == expected

    def test_adds_up(self) -> None:
        scan()
        scan()
        scan(ticket("TKT-002"))

        assert counts() == {"scan_count": 3, "valid_scan_count": 3, "admitted_count": 2, "duplicate_count": 1}

    def test_does_not_count_a_refused_scan_of_an_unknown_event(self) -> None:
        scan(forged(event="nobody knows"))

        assert not EventCounter.objects.exists()

    def test_spreads_over_shards(self) -> None:
        for minute in range(100):
            scan(minutes=minute)

        shards = set(EventCounter.objects.values_list("shard", flat=True))
        assert len(shards) > COUNTER_SHARDS / 2
        assert shards <= set(range(COUNTER_SHARDS))

    def test_belongs_to_the_utc_day_on_which_the_fact_was_received(self) -> None:
        scan(minutes=3 * 60 + 59)
        scan(minutes=4 * 60)

        assert set(EventCounter.objects.values_list("day", flat=True)) == {date(2025, 6, 1), date(2025, 6, 2)}

    def test_keeps_the_latest_time_of_update(self) -> None:
        scan(minutes=5)
        # So many that one of them meets the shard of the first.
        for _ in range(60):
            scan()

        updated = queries.event_totals(event_id=TONIGHT)[0].last_updated
        assert updated == datetime(2025, 6, 1, 20, 5, tzinfo=UTC) > EIGHT

    def test_is_all_that_the_totals_read(self, statements_sent: Callable[[], list[str]]) -> None:
        queries.event_totals()
        queries.daily_totals()

        assert len(statements_sent()) == 2
        assert not any("ticket_scans" in statement for statement in statements_sent())
