"""GET /stats and /stats/heatmap: tickets and scans are counted apart (S4)."""

from typing import Any

import pytest

from analytics.models import Event
from analytics.tests.conftest import TONIGHT, Call, forged, invalid_attempt, scan, ticket, transfer

ZEROS = dict.fromkeys(
    (
        "scan_count",
        "valid_scan_count",
        "invalid_scan_count",
        "admitted_count",
        "admitted_ticket_count",
        "duplicate_count",
        "refused_count",
        "transfer_count",
        "successful_transfer_count",
        "failed_transfer_count",
        "invalid_attempt_count",
    ),
    0,
)


@pytest.mark.usefixtures("tonight")
class TestStats:
    def test_of_one_event_are_one_object(self, get: Call) -> None:
        scan()
        scan(minutes=1)
        scan(forged(), minutes=2)
        transfer(minutes=3)
        transfer(is_successful=False, minutes=4)
        invalid_attempt(minutes=5)

        assert get("/stats", event_id=TONIGHT).json() == {
            "event_id": TONIGHT,
            "scan_count": 3,
            "valid_scan_count": 2,
            "invalid_scan_count": 1,
            "admitted_count": 1,
            "admitted_ticket_count": 1,
            "duplicate_count": 1,
            "refused_count": 1,
            "transfer_count": 2,
            "successful_transfer_count": 1,
            "failed_transfer_count": 1,
            "invalid_attempt_count": 2,
            "last_updated": "2025-06-01T20:05:00Z",
        }

    def test_of_all_events_are_a_list_by_event_id(self, get: Call) -> None:
        scan(ticket(event="Zouk night"))

        stats = get("/stats").json()

        assert [(event["event_id"], event["scan_count"]) for event in stats] == [
            (TONIGHT, 0),
            ("Zouk night", 1),
        ]

    def test_of_an_event_without_facts_are_zeros(self, get: Call) -> None:
        assert get("/stats", event_id=TONIGHT).json() == {"event_id": TONIGHT, **ZEROS, "last_updated": None}

    def test_of_an_unknown_event_are_404_with_the_cure(self, get: Call) -> None:
        answer = get("/stats", event_id="nobody knows")

        assert answer.status_code == 404
        assert answer.json() == {"detail": "no event 'nobody knows': GET /stats lists all events"}

    def test_cover_the_events_life_and_not_only_its_newest_day(self, get: Call) -> None:
        scan()
        scan(minutes=24 * 60)

        assert get("/stats", event_id=TONIGHT).json()["scan_count"] == 2

    def test_by_day_add_each_days_share_oldest_first(self, get: Call) -> None:
        scan(minutes=24 * 60)
        scan()

        stats = get("/stats", event_id=TONIGHT, by="day").json()

        counted = [(day["day"], day["scan_count"], day["admitted_count"]) for day in stats["days"]]
        assert counted == [("2025-06-01", 1, 0), ("2025-06-02", 1, 1)]
        assert (stats["scan_count"], stats["last_updated"]) == (2, "2025-06-02T20:00:00Z")

    def test_by_day_of_all_events_keep_those_without_facts(self, get: Call) -> None:
        Event.objects.create(event_id="Zouk night", name="Zouk night")
        scan()

        stats = get("/stats", by="day").json()

        assert [(event["event_id"], len(event["days"])) for event in stats] == [
            (TONIGHT, 1),
            ("Zouk night", 0),
        ]

    def test_by_day_total_what_they_total_without(self, get: Call) -> None:
        scan()
        scan(forged(), minutes=24 * 60)
        transfer(minutes=48 * 60)

        by_day = get("/stats", by="day").json()[0]
        by_day.pop("days")

        assert [by_day] == get("/stats").json()

    @pytest.mark.parametrize("query", [{"by": "hour"}, {"event_id": ""}, {"event_id": "x" * 201}], ids=str)
    def test_refuse_a_question_they_do_not_know(self, get: Call, query: Any) -> None:
        assert get("/stats", **query).status_code == 422


@pytest.mark.usefixtures("tonight")
class TestTheHeatmap:
    def test_has_24_hours_and_the_busiest(self, get: Call) -> None:
        scan()
        scan(minutes=59)
        scan(minutes=60)

        heatmap = get("/stats/heatmap", event_id=TONIGHT, date="2025-06-01").json()

        expected = [{"hour": hour, "scan_count": {20: 2, 21: 1}.get(hour, 0)} for hour in range(24)]
        assert heatmap == {"event_id": TONIGHT, "date": "2025-06-01", "data": expected, "peak_hour": 20}

    def test_peaks_at_the_first_of_the_busiest_hours(self, get: Call) -> None:
        scan(minutes=60)
        scan()

        assert get("/stats/heatmap", event_id=TONIGHT, date="2025-06-01").json()["peak_hour"] == 20

    @pytest.mark.parametrize("day", ["2025-05-31", "2025-06-02", "0001-01-01", "9999-12-31"])
    def test_of_another_day_is_zeros(self, get: Call, day: str) -> None:
        scan()

        heatmap = get("/stats/heatmap", event_id=TONIGHT, date=day).json()

        assert sum(hour["scan_count"] for hour in heatmap["data"]) == 0
        assert (len(heatmap["data"]), heatmap["peak_hour"]) == (24, 0)

    def test_ends_at_midnight_utc(self, get: Call) -> None:
        scan(minutes=4 * 60)

        heatmap = get("/stats/heatmap", event_id=TONIGHT, date="2025-06-02").json()

        assert heatmap["data"][0]["scan_count"] == 1

    @pytest.mark.parametrize("day", ["", "today", "0", "2025-06-31", "2025-06-01T00:00:00"])
    def test_refuses_what_is_no_day(self, get: Call, day: str) -> None:
        answer = get("/stats/heatmap", event_id=TONIGHT, date=day)

        assert answer.status_code == 422
        assert "send one such as 2025-06-01" in answer.json()["detail"][0]["msg"]
