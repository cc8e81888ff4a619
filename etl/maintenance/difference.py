"""
What a run would do, without doing it: every row is compared, nothing is written, no lease is taken.

The rows are read first, into a temporary file, so that no connection waits for the source; then they are
compared page by page in one transaction that is rolled back, each page beside those before it, as in a run.
"""

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import sqlalchemy as sa

from core import db
from etl.loading.cursors import Walk, stored_mark
from etl.loading.planning import PLANS, Plan
from etl.rows import Endpoint, Page
from etl.runs.options import RunOptions
from etl.runs.until import before
from etl.sources.contract import Source


@dataclass(frozen=True, kw_only=True)
class TableDifference:
    """How many rows a run would insert, update, leave as they are, and reject."""

    insert: int = 0
    update: int = 0
    unchanged: int = 0
    rejected: int = 0


def difference(source: Source, *, options: RunOptions) -> dict[str, TableDifference]:
    """
    Compare what `source` has with what is stored.

    Returns:
        A TableDifference for `raw_events` and `raw_sales`, as far as the source has them.

    Raises:
        SourceFailed: a page could not be had.
    """
    with tempfile.TemporaryFile() as spool:
        for endpoint in Endpoint:
            if endpoint in source.endpoints:
                for page in _pages(source, endpoint, options):
                    pickle.dump(before(page, options.until), spool)
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


def _spooled(spool: IO[bytes]) -> Iterator[Page]:
    with suppress(EOFError):
        while True:
            yield pickle.load(spool)  # noqa: S301 - our own rows, from a file that nobody else can open


def _compare_page(connection: sa.Connection, plan: Plan, page: Page, source: str) -> TableDifference:
    inserted, updated = plan.compare(connection, page, source=source)
    return TableDifference(
        insert=inserted,
        update=updated,
        unchanged=len(page.rows) - inserted - updated,
        rejected=len(page.rejections),
    )


def _add(one: TableDifference, other: TableDifference) -> TableDifference:
    names: Any = TableDifference.__dataclass_fields__
    return TableDifference(**{name: getattr(one, name) + getattr(other, name) for name in names})
