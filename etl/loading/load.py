"""
Loading one page: raw rows, summaries, rejected rows, cursor and counts, in one transaction. All or nothing.

Loading a page twice changes nothing, and it does not matter in which order the versions of a row are loaded.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core import db
from etl.lease import HeldLease
from etl.loading import locks, rejections, sale_dates, staging, statements, summaries
from etl.loading.counts import Counts
from etl.loading.cursors import Mark
from etl.loading.staging import EncodedPage
from etl.rows import Endpoint, Page

__all__ = ["Counts", "EncodedPage", "load_page"]


def load_page(
    page: Page | EncodedPage,
    *,
    source: str,
    now: datetime,
    lease: HeldLease | None = None,
    run_id: int | None = None,
    cursor: Mark | None = None,
) -> Counts:
    """
    Load `page` as rows of `source`, store `cursor` and count the page in the run `run_id`.

    `now` is when summaries change and rows are rejected. `lease` is renewed in the same transaction. A page
    that is not encoded yet is encoded before a connection is taken.

    Raises:
        LeaseLost: another run has the lease; nothing was written.
    """
    whole = EncodedPage.of(page) if isinstance(page, Page) else page
    page = whole.page
    with db.get_engine().begin() as connection:
        if lease is not None:
            lease.renew(connection)
        # Outside a run, too: the statements rely on being alone with the rows of a source.
        locks.write_source(connection, source)
        counts = _load_rows(connection, whole, source=source, now=now)
        key: dict[str, Any] = {"source": source, "endpoint": page.endpoint, "now": now}
        if page.rows:
            rejections.resolve(connection, upstream_ids=[row[0] for row in page.rows], **key)
        if page.rejections:
            rejections.store(connection, run_id=run_id, rejections=page.rejections, **key)
        if cursor is not None:
            cursor.store(connection, source=source)
        if run_id is not None:
            _count(connection, counts, run_id)
    return counts


def _load_rows(connection: sa.Connection, whole: EncodedPage, *, source: str, now: datetime) -> Counts:
    page, written = whole.page, (0, 0)
    if page.rows and page.endpoint is Endpoint.SALES:
        written = _load_sales(connection, whole, source=source, now=now)
    elif page.rows:
        written = _load_events(connection, whole, source=source, now=now)
    inserted, updated = written
    return Counts(
        read=len(page.rows) + len(page.rejections),
        inserted=inserted,
        updated=updated,
        unchanged=len(page.rows) - inserted - updated,
        rejected=len(page.rejections),
    )


def _load_sales(
    connection: sa.Connection, page: EncodedPage, *, source: str, now: datetime
) -> tuple[int, int]:
    locks.add_to_summaries(connection)
    staging.stage(connection, Endpoint.SALES, page.encoded)
    event_ids = {row.event_id for row in page.page.rows}
    connection.execute(statements.REGISTER_EVENTS, {"event_ids": list(event_ids)})
    loaded = connection.execute(statements.LOAD_SALES, {"source": source, "now": now}).one()
    staging.drop(connection, statements.STAGED_SALES)
    if loaded.emptied:
        connection.execute(statements.DROP_EMPTY_DAYS, {"event_ids": loaded.emptied})
        connection.execute(statements.DROP_EMPTY_TOTALS, {"event_ids": loaded.emptied})
    return loaded.inserted, loaded.updated


def _load_events(
    connection: sa.Connection, page: EncodedPage, *, source: str, now: datetime
) -> tuple[int, int]:
    # Alone, from the start: two pages that share would wait for each other when both recompute sale dates.
    locks.rebuild_summaries(connection)
    staging.stage(connection, Endpoint.EVENTS, page.encoded)
    loaded = connection.execute(statements.LOAD_EVENTS, {"source": source}).one()
    staging.drop(connection, statements.STAGED_EVENTS)
    if loaded.moved:
        sale_dates.recompute_with_summaries(connection, event_ids=loaded.moved, now=now)
    if loaded.renamed:
        summaries.copy_event_names(connection, event_ids=loaded.renamed)
    return loaded.inserted, loaded.updated


def _count(connection: sa.Connection, counts: Counts, run_id: int) -> None:
    row = {
        "read": counts.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "rejected": counts.rejected,
    }
    connection.execute(statements.COUNT_PAGE, {**row, "run_id": run_id})
