"""
Charts over time: a bar for each day, or for a longer span where there are too many days.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from analytics.sums import whole_sum
from reports.catalogue.contract import Chart, Parameters
from reports.catalogue.figures import MAXIMUM_BARS
from reports.catalogue.narrowing import of_days


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


def sums_over_time(
    connection: sa.Connection,
    parameters: Parameters,
    *,
    day: sa.Column[Any],
    number: sa.Column[Any],
    title: str,
) -> Chart | None:
    """
    Return the sums of `number` over the period, for the chosen events, as bars; None without rows.

    `day` and `number` are columns of one table, beside its `event_id`. A bar stands for a day, or for the
    shortest span of SPANS that needs no more than MAXIMUM_BARS; the years are shown however many they are.
    "{span}" in `title` becomes the span's name.
    """
    statement = (
        sa.select(day, whole_sum(number))
        .where(of_days(parameters, day.table.c.event_id, day))
        .group_by(day)
        .order_by(day)
    )
    rows = [(each, value) for each, value in connection.execute(statement)]
    if not rows:
        return None
    name, sums = _by_shortest_span(rows)
    return Chart(title.format(span=name), list(sums), list(sums.values()))


def _by_shortest_span(rows: Sequence[tuple[date, int]]) -> tuple[str, dict[str, float]]:
    *shorter, (longest, label_of_longest) = SPANS.items()
    for name, label in shorter:
        sums = _summed(rows, label)
        if len(sums) <= MAXIMUM_BARS:
            return name, sums
    return longest, _summed(rows, label_of_longest)


def _summed(rows: Iterable[tuple[date, int]], label: Callable[[date], str]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for day, value in rows:
        sums[label(day)] += value
    return sums
