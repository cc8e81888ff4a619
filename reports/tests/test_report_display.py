"""How pages show periods, events, durations and amounts."""

from datetime import date

import pytest

from reports.models import GeneratedReport
from reports.pages import display
from reports.pages.presets import presets


class TestPeriod:
    @pytest.mark.parametrize(
        ("start", "end", "text"),
        [
            ("2025-06-01", "2025-06-02", "1 June 2025"),
            ("2025-06-01", "2025-06-08", "1 to 7 June 2025"),
            ("2025-06-28", "2025-07-04", "28 June to 3 July 2025"),
            ("2025-12-31", "2026-01-02", "31 December 2025 to 1 January 2026"),
            ("2024-06-01", "2025-06-04", "1 June 2024 to 3 June 2025"),
        ],
    )
    def test_names_its_last_day(self, start: str, end: str, text: str) -> None:
        assert display.period(date.fromisoformat(start), date.fromisoformat(end)) == text


class TestParameters:
    @pytest.mark.parametrize(
        ("event_ids", "text"),
        [
            (None, "all events"),
            (["tonight"], "Afrobeats Live 2025"),
            (["gone"], "gone"),
            (["a", "b", "c"], "3 events"),
        ],
    )
    def test_name_their_events(self, event_ids: list[str] | None, text: str) -> None:
        stored = {"start": "2025-06-01", "end": "2025-06-02", "event_ids": event_ids}

        shown = display.parameters(GeneratedReport(parameters=stored), {"tonight": "Afrobeats Live 2025"})

        assert shown == f"1 June 2025, {text}"

    @pytest.mark.parametrize("stored", [{}, [], None, {"start": 1, "end": "2025-06-02", "event_ids": None}])
    def test_of_an_earlier_version_are_listed_all_the_same(self, stored: object) -> None:
        assert display.parameters(GeneratedReport(parameters=stored), {}) == display.UNREADABLE


class TestAmount:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("17514.5000 GBP", "17,514.50 GBP"),
            ("-0.5 EUR", "-0.50 EUR"),
            ("1234567", "1,234,567"),
            ("0.0125 EUR", "0.0125 EUR"),
            ("2025-06-01", "2025-06-01"),
            ("", ""),
        ],
    )
    def test_is_written_as_people_do(self, value: str, text: str) -> None:
        assert display.amount(value) == text


class TestSeconds:
    @pytest.mark.parametrize(
        ("duration", "text"), [(None, ""), (0.04, "0.0 s"), (12.4, "12 s"), (200.0, "3 min 20 s")]
    )
    def test_are_rounded_to_what_matters(self, duration: float | None, text: str) -> None:
        assert display.seconds(duration) == text


class TestPresets:
    def test_of_the_first_of_march_reach_into_february(self) -> None:
        days = {each.label: (each.first, each.last) for each in presets(date(2024, 3, 1))}

        assert days == {
            "Today": (date(2024, 3, 1), date(2024, 3, 1)),
            "Yesterday": (date(2024, 2, 29), date(2024, 2, 29)),
            "Last 7 days": (date(2024, 2, 24), date(2024, 3, 1)),
            "This month": (date(2024, 3, 1), date(2024, 3, 1)),
            "Last month": (date(2024, 2, 1), date(2024, 2, 29)),
        }
