"""
Periods that people ask for by name. Days are UTC days, as everywhere in reports.
"""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Preset:
    """A named period; `last` is its last day, included."""

    label: str
    first: date
    last: date


def presets(today: date) -> list[Preset]:
    """Return the presets as of `today`, the shortest first."""
    yesterday, month = today - timedelta(days=1), today.replace(day=1)
    end_of_last_month = month - timedelta(days=1)
    return [
        Preset("Today", today, today),
        Preset("Yesterday", yesterday, yesterday),
        Preset("Last 7 days", today - timedelta(days=6), today),
        Preset("This month", month, today),
        Preset("Last month", end_of_last_month.replace(day=1), end_of_last_month),
    ]
