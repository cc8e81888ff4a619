"""
Charts over time: a bar for each day, or for longer spans where days would be too many to tell apart.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from reports.catalogue.contract import Chart
from reports.catalogue.figures import MAXIMUM_BARS


def _monday(day: date) -> str:
    return (day - timedelta(days=day.weekday())).isoformat()


# What a title calls each span, and the label of the one that a day belongs to; the shortest first.
SPANS: Mapping[str, Callable[[date], str]] = MappingProxyType(
    {
        "day": date.isoformat,
        "week from Monday": _monday,
        "month": lambda day: day.isoformat()[:7],
        "year": lambda day: day.isoformat()[:4],
    }
)


def bars_over_time(connection: sa.Connection, statement: sa.Select[Any, Any], *, title: str) -> Chart | None:
    """
    Return the whole of `statement`, rows of day and value in order, as bars; None without rows.

    A bar stands for a day, or for the shortest span of SPANS that needs no more than MAXIMUM_BARS; the years
    are shown however many they are. "{span}" in `title` becomes the span's name.
    """
    rows = [(day, value) for day, value in connection.execute(statement)]
    if not rows:
        return None
    each_span = [(name, _summed(rows, label)) for name, label in SPANS.items()]
    name, sums = next((each for each in each_span if len(each[1]) <= MAXIMUM_BARS), each_span[-1])
    return Chart(title.format(span=name), list(sums), list(sums.values()))


def _summed(rows: Iterable[tuple[date, int]], label: Callable[[date], str]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for day, value in rows:
        sums[label(day)] += value
    return sums
