"""
Staging: a page's rows, each once, by COPY into a table that ends with the transaction.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

import sqlalchemy as sa

from core import db
from etl.loading import statements
from etl.rows import Endpoint, EventRow, Page, SaleRow

AnyRow = TypeVar("AnyRow", EventRow, SaleRow)


class _Staging(NamedTuple):
    """A staging table; `types` are those of COPY's binary format, which is twice as fast as text."""

    table: str
    create: sa.TextClause
    columns: Sequence[str]
    types: Sequence[str]


_STAGING: Mapping[Endpoint, _Staging] = {
    Endpoint.SALES: _Staging(
        statements.STAGED_SALES,
        statements.STAGE_SALES,
        statements.SALE_COLUMNS,
        (
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
        ),
    ),
    Endpoint.EVENTS: _Staging(
        statements.STAGED_EVENTS,
        statements.STAGE_EVENTS,
        statements.EVENT_COLUMNS,
        ("varchar", "varchar", "varchar", "timestamptz", "timestamptz", "timestamptz"),
    ),
}


class EncodedPage(NamedTuple):
    """A page and its rows in COPY's own form, each id once. Making it takes no connection."""

    page: Page
    encoded: Sequence[bytes]

    @classmethod
    def of(cls, page: Page) -> "EncodedPage":
        """Encode `page`. It takes a third of the time of a load: runs do it while they read ahead."""
        rows = latest_versions(cast("Sequence[SaleRow]", page.rows))
        return cls(page, db.encode_rows(_STAGING[page.endpoint].types, rows))


def stage(connection: sa.Connection, endpoint: Endpoint, encoded: Sequence[bytes]) -> None:
    """Fill the staging table of `endpoint` with the rows of an `EncodedPage`."""
    staging = _STAGING[endpoint]
    connection.execute(staging.create)
    db.copy_encoded(connection, staging.table, columns=staging.columns, encoded=encoded)


def drop(connection: sa.Connection, table: str) -> None:
    """Drop a staging table for the next page: inside `transaction.atomic()` the transaction may go on."""
    connection.execute(sa.text(f"DROP TABLE {table}"))


def latest_versions(rows: Sequence[AnyRow]) -> Sequence[AnyRow]:
    """Return each id once, in its newest version; of equally new ones the last."""
    if len({row[0] for row in rows}) == len(rows):
        return rows
    latest: dict[str, AnyRow] = {}
    for row in rows:
        known = latest.get(row[0])
        if known is None or not _is_older(row, known):
            latest[row[0]] = row
    return list(latest.values())


def _is_older(row: AnyRow, known: AnyRow) -> bool:
    if row.updated_at is None or known.updated_at is None:
        return False
    return row.updated_at < known.updated_at
