"""What the tests of the backend share."""

from collections.abc import Callable
from typing import Any

MakeWrapper = Callable[..., Any]


def select(wrapper: Any, expression: str) -> Any:
    with wrapper.cursor() as cursor:
        cursor.execute(f"SELECT {expression}")
        return cursor.fetchone()[0]
