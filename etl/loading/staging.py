"""
A page's way into the database: each row once, by COPY, into a table that ends with the transaction.
"""

from collections.abc import Sequence
from typing import TypeVar

import sqlalchemy as sa

from core import db
from etl.loading import statements
from etl.rows import EventRow, SaleRow

AnyRow = TypeVar("AnyRow", EventRow, SaleRow)

# As COPY's binary format needs them: it is twice as fast as text.
_SALE_TYPES = (
    "varchar",
    "varchar",
    "varchar",
    "int4",
    "numeric",
    "varchar",
    "timestamptz",
    "date",
    "timestamptz",
    "varchar",
)
_EVENT_TYPES = ("varchar", "varchar", "varchar", "timestamptz", "timestamptz", "timestamptz")


def stage_sales(connection: sa.Connection, rows: Sequence[SaleRow]) -> None:
    """Fill the staging table of sales; `rows` repeat no id."""
    connection.execute(statements.STAGE_SALES)
    columns = dict(zip(statements.SALE_COLUMNS, _SALE_TYPES, strict=True))
    db.copy_rows(connection, statements.STAGED_SALES, columns=columns, rows=rows)


def stage_events(connection: sa.Connection, rows: Sequence[EventRow]) -> None:
    """Fill the staging table of events; `rows` repeat no id."""
    connection.execute(statements.STAGE_EVENTS)
    columns = dict(zip(statements.EVENT_COLUMNS, _EVENT_TYPES, strict=True))
    db.copy_rows(connection, statements.STAGED_EVENTS, columns=columns, rows=rows)


def drop(connection: sa.Connection, table: str) -> None:
    """Make room for the next page: inside `transaction.atomic()` the transaction is not over yet."""
    connection.execute(sa.text(f"DROP TABLE {table}"))


def latest_versions(rows: Sequence[AnyRow]) -> Sequence[AnyRow]:
    """Return each id once: its newest version, of equally new ones the last."""
    if len({row[0] for row in rows}) == len(rows):
        return rows
    latest: dict[str, AnyRow] = {}
    for row in rows:
        known = latest.get(row[0])
        if known is None or not _is_older(row, known):
            latest[row[0]] = row
    return list(latest.values())


def _is_older(row: AnyRow, known: AnyRow) -> bool:
    return None not in {row.updated_at, known.updated_at} and row.updated_at < known.updated_at  # type: ignore[operator]
