"""
One moment of the database: everything read inside `snapshot()` is as it was at its first statement.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from django.db import transaction

from core import db

SET_UP = (
    # First: Postgres takes the snapshot at the first statement that reads.
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # Every row will be read: without this, Postgres plans a cursor for the first tenth of them.
    "SET LOCAL cursor_tuple_fraction = 1",
)


class InsideTransaction(RuntimeError):
    """
    A report was to be made inside `transaction.atomic()`, whose snapshot would not be its own.

    If you are hitting this, make the report after the block; in a test, use `transactional_db`.
    """


@contextmanager
def snapshot() -> Iterator[sa.Connection]:
    """
    Lend a connection in a REPEATABLE READ READ ONLY transaction, and roll it back at the end.

    Raises:
        InsideTransaction: this thread is inside `transaction.atomic()`.
    """
    if transaction.get_connection().in_atomic_block:
        raise InsideTransaction(
            "a report needs a REPEATABLE READ transaction of its own: make it outside transaction.atomic()"
        )
    with db.get_engine().connect() as connection:
        for statement in SET_UP:
            connection.execute(sa.text(statement))
        yield connection
