"""
What the statements of a batch have in common: facts go in as one jsonb value, an array of arrays.
"""

import json
import secrets
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from analytics.models import COUNTER_SHARDS

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode


def statement(text: str) -> sa.TextClause:
    """Make a statement that each session of the server plans once."""
    return sa.text(text).execution_options(prepare=True)


def run(connection: sa.Connection, statement: sa.TextClause, facts: Iterable[Any]) -> list[dict[str, Any]]:
    """Run a statement over facts, each a sequence of values, and return its rows."""
    parameters = {"facts": _encode(list(facts)), "shard": secrets.randbelow(COUNTER_SHARDS)}
    return [dict(row) for row in connection.execute(statement, parameters).mappings()]
