"""
What the statements of a batch have in common: facts go in as one jsonb value, an array of arrays.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from analytics.models import COUNTER_SHARDS

Row = tuple[Any, ...]
# Runs a statement with its parameters in somebody's transaction, and returns its rows.
Execute = Callable[[str, Mapping[str, Any]], list[Row]]

_encode = msgspec.json.Encoder().encode


def statement(text: str) -> str:
    """Return a statement on one line: psycopg remembers how to read those of less than 4,096 characters."""
    return " ".join(text.split())


def run(execute: Execute, statement: str, facts: Iterable[Any]) -> list[Row]:
    """Run a statement over facts, each a sequence of values, and return its rows."""
    values = {"facts": _encode(list(facts)).decode(), "shard": secrets.randbelow(COUNTER_SHARDS)}
    return execute(statement, values)
