"""
A statement's one column of text, from a server-side cursor, as the bytes that came over the wire.

For rows that go into a file as they are: SQLAlchemy's and the driver's work on a row, decoding it and making
two objects of it, takes as long as the server takes to find it.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement, Executable

_numbers = count(1)


class _DeclareCursor(Executable, ClauseElement):
    """`DECLARE name CURSOR FOR` a statement, with its parameters."""

    inherit_cache = False

    def __init__(self, name: str, statement: sa.Select[Any]) -> None:
        self.name, self.statement = name, statement


@compiles(_DeclareCursor)
def _declare(element: _DeclareCursor, compiler: Any, **options: Any) -> str:
    return f"DECLARE {element.name} NO SCROLL CURSOR FOR {compiler.process(element.statement, **options)}"


def stream_texts(
    connection: sa.Connection, statement: sa.Select[Any], *, size: int
) -> Iterator[list[bytes | None]]:
    """
    Yield the first column of `statement` in UTF-8, up to `size` rows at a time; None for null.

    The cursor lives in the transaction of `connection`, and ends with it. `size` rows are in memory.

    Raises:
        DBAPIError: what Postgres or the connection said.
    """
    name = f"texts_{next(_numbers)}"
    connection.execute(_DeclareCursor(name, statement))
    while texts := _fetch(connection, name, size):
        yield texts
    connection.exec_driver_sql(f"CLOSE {name}")


def _fetch(connection: sa.Connection, name: str, size: int) -> list[bytes | None]:
    with connection.exec_driver_sql(f"FETCH FORWARD {size} FROM {name}") as fetched:
        # The driver's result, before it makes Python objects of it.
        result: Any = fetched.context.cursor.pgresult
        return [result.get_value(row, 0) for row in range(result.ntuples)]
