"""
From the rows that are stored to what each caller is told.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from analytics.facts import Fact, Recorded
from analytics.ids import IdReused, check_same


def answers(
    given: Iterable[Fact],
    rows: Iterable[Sequence[Any]],
    *,
    columns: Sequence[str],
    key: str,
    same: Sequence[str],
    made: Callable[..., Fact],
) -> list[Recorded[Fact] | IdReused]:
    """
    Return what is stored for each fact; of those with one id, only the first is new.

    A row has the `columns`, and then whether it is new.
    """
    named = (dict(zip([*columns, "is_new"], row, strict=True)) for row in rows)
    by_key = {row[key]: row for row in named}
    found: list[Recorded[Fact] | IdReused] = []
    for fact in given:
        row = by_key[getattr(fact, key)]
        try:
            check_same(row, {name: getattr(fact, name) for name in same})
        except IdReused as error:
            found.append(error)
            continue
        values = {name: value for name, value in row.items() if name != "is_new"}
        found.append(Recorded(fact=made(**values), is_new=row["is_new"]))
        row["is_new"] = False
    return found
