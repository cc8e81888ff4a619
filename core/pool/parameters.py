"""
The connection parameters that libpq knows: the library that is loaded says so itself.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from psycopg import pq
from psycopg.conninfo import make_conninfo

# How libpq marks what it would not show: a secret, and what is for its developers.
_SECRET, _DEBUG = b"*", b"D"


@cache
def names() -> frozenset[str]:
    """Return the name of each parameter that a deployment may give."""
    known = pq.Conninfo.get_defaults()
    return frozenset(each.keyword.decode() for each in known if each.dispchar != _DEBUG)


@cache
def _secrets() -> frozenset[str]:
    known = pq.Conninfo.get_defaults()
    return frozenset(each.keyword.decode() for each in known if each.dispchar == _SECRET)


def conninfo_without_secrets(parameters: Mapping[str, Any]) -> str:
    """Return libpq's connection string of those `parameters` that it knows, less the secret ones."""
    shown = names() - _secrets()
    return make_conninfo(**{name: value for name, value in parameters.items() if value and name in shown})
