"""
How Django uses a pool: a request borrows at its first query and gives back when it ends.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import django
from django.conf import settings
from django.db import Error, close_old_connections, connection, transaction
from psycopg.conninfo import conninfo_to_dict

from benchmarks.systems.contract import Execute

_KEYS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def database_entry(url: str, **options: Any) -> dict[str, Any]:
    """Return Django's description of the database at `url`."""
    parts = conninfo_to_dict(url)
    entry: dict[str, Any] = {_KEYS[name]: str(parts.pop(name)) for name in _KEYS if name in parts}
    return {**entry, "OPTIONS": {**parts, **options}}


def configure(database: Mapping[str, Any]) -> None:
    """Start Django with one database and no apps."""
    configure_all({"default": database})


def configure_all(databases: Mapping[str, Mapping[str, Any]]) -> None:
    """Start Django with these databases, by alias, and no apps."""
    settings.configure(
        DATABASES={alias: dict(entry) for alias, entry in databases.items()}, INSTALLED_APPS=[], USE_TZ=True
    )
    django.setup()


@contextmanager
def request() -> Iterator[Execute]:
    """Do what Django does around a view: a transaction, and the end of the request."""
    close_old_connections()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            yield cursor.execute
    finally:
        close_old_connections()


def start_afresh() -> None:
    """Let Django's connection of this thread, if any, leave a block that was interrupted; return it."""
    if not settings.configured:
        return
    connection.in_atomic_block = connection.needs_rollback = connection.closed_in_transaction = False
    connection.savepoint_ids, connection.atomic_blocks = [], []
    # One that broke on the way: it is closed, whatever it says.
    with suppress(Error):
        connection.close()


def take_and_forget() -> None:
    """Leave this thread's connection in an open transaction."""
    connection.set_autocommit(False)
    connection.cursor().execute("SELECT 1")
