"""
What a run would do: every row is compared, nothing is written, no lease is taken.

The rows are read first, into a temporary file, so that no connection waits for the source; then they are
compared page by page in one transaction that is rolled back, each page beside those before it, as in a run.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import msgspec
import sqlalchemy as sa

from core import db
from etl.loading.cursors import Walk, stored_mark
from etl.loading.planning import PLANS, Plan
from etl.loading.staging import EncodedPage
from etl.rows import Endpoint, Page
from etl.runs.options import RunOptions
from etl.sources.contract import Source

# Before each page in the temporary file.
_LENGTH_BYTES = 8


@dataclass(frozen=True, kw_only=True)
class TableDifference:
    """How many rows a run would insert, update, leave as they are, and reject."""

    insert: int = 0
    update: int = 0
    unchanged: int = 0
    rejected: int = 0


class _SpooledPage(msgspec.Struct):
    """What the comparison needs of a page: its rows as COPY takes them, and how many there were."""

    endpoint: Endpoint
    encoded: list[bytes]
    row_count: int
    rejected_count: int


def difference(source: Source, *, options: RunOptions) -> dict[str, TableDifference]:
    """
    Compare what `source` has with what is stored.

    Returns:
        A TableDifference for `raw_events` and `raw_sales`, as far as the source has them.

    Raises:
        SourceFailed: a page could not be read.
    """
    with tempfile.TemporaryFile() as spool:
        for endpoint in Endpoint:
            if endpoint in source.endpoints:
                for page in _pages(source, endpoint, options):
                    _spool(EncodedPage.of(page.before(options.until)), spool)
        spool.seek(0)
        return _compare(source, spool)


def _pages(source: Source, endpoint: Endpoint, options: RunOptions) -> Iterator[Page]:
    with db.get_engine().connect() as connection:
        mark = stored_mark(connection, source=source.name, endpoint=endpoint)
    now = datetime.now(UTC)
    walk = Walk.begin(mark, since=options.since, is_full=options.is_full, lag=options.lag, now=now)
    return source.pages(endpoint, since=walk.since, resume=walk.page)


def _compare(source: Source, spool: IO[bytes]) -> dict[str, TableDifference]:
    found = {PLANS[endpoint].table: TableDifference() for endpoint in source.endpoints}
    with db.get_engine().connect() as connection, connection.begin() as transaction:
        for endpoint in source.endpoints:
            PLANS[endpoint].begin(connection)
        for page in _spooled(spool):
            plan = PLANS[page.endpoint]
            found[plan.table] = _add(found[plan.table], _compare_page(connection, plan, page, source.name))
        transaction.rollback()
    return found


def _spool(page: EncodedPage, spool: IO[bytes]) -> None:
    spooled = _SpooledPage(
        endpoint=page.page.endpoint,
        encoded=list(page.encoded),
        row_count=len(page.page.rows),
        rejected_count=len(page.page.rejections),
    )
    content = msgspec.msgpack.encode(spooled)
    spool.write(len(content).to_bytes(_LENGTH_BYTES) + content)


def _spooled(spool: IO[bytes]) -> Iterator[_SpooledPage]:
    while length := spool.read(_LENGTH_BYTES):
        yield msgspec.msgpack.decode(spool.read(int.from_bytes(length)), type=_SpooledPage)


def _compare_page(connection: sa.Connection, plan: Plan, page: _SpooledPage, source: str) -> TableDifference:
    inserted, updated = plan.compare(connection, page.encoded, source=source)
    return TableDifference(
        insert=inserted,
        update=updated,
        unchanged=page.row_count - inserted - updated,
        rejected=page.rejected_count,
    )


def _add(one: TableDifference, other: TableDifference) -> TableDifference:
    names: Any = TableDifference.__dataclass_fields__
    return TableDifference(**{name: getattr(one, name) + getattr(other, name) for name in names})
