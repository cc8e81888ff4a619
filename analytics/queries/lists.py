"""
Lists of facts, newest first.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from analytics.facts import InvalidAttemptFact, Page, Period, ScanFact, TransferFact
from analytics.models import InvalidAttempt, Scan, Transfer
from core import db
from core.tables import table_for

SCAN_LOG_LENGTH = 100


def scan_log(*, ticket_id: str) -> list[ScanFact]:
    """Return the last 100 scans of a ticket, at any event, newest first. One statement."""
    newest = _scans().where(table_for(Scan).c.ticket_id == ticket_id).limit(SCAN_LOG_LENGTH)
    with db.get_engine().connect() as connection:
        return [ScanFact(**row) for row in connection.execute(newest).mappings()]


def scans_page(*, event_id: str | None, period: Period, page: int, limit: int) -> Page[ScanFact]:
    """
    List the scans received in `period`, of one event or (None) of all, unknown events included.

    Returns:
        Page `page` (the first is 1) of `limit` scans, newest first; empty past the end. Two statements.
    """
    scans = _received(_scans(), table_for(Scan), event_id=event_id, period=period)
    rows, total = _page(scans, page=page, limit=limit)
    return Page(facts=[ScanFact(**row) for row in rows], total=total)


def transfers_page(*, event_id: str | None, period: Period, page: int, limit: int) -> Page[TransferFact]:
    """List the transfers received in `period`, as `scans_page` lists scans."""
    table = table_for(Transfer)
    transfers = _received(sa.select(table), table, event_id=event_id, period=period)
    rows, total = _page(_newest_first(transfers, table), page=page, limit=limit)
    return Page(facts=[TransferFact(**row) for row in rows], total=total)


def invalid_attempts_page(
    *, event_id: str | None, period: Period, page: int, limit: int
) -> Page[InvalidAttemptFact]:
    """List the invalid attempts received in `period`, as `scans_page` lists scans."""
    table = table_for(InvalidAttempt)
    attempts = _received(sa.select(table), table, event_id=event_id, period=period)
    rows, total = _page(_newest_first(attempts, table), page=page, limit=limit)
    return Page(facts=[InvalidAttemptFact(**row) for row in rows], total=total)


def _scans() -> sa.Select[Any]:
    scans = table_for(Scan)
    columns = [column for column in scans.c if column.name != "reason"]
    return _newest_first(sa.select(*columns, sa.func.nullif(scans.c.reason, "").label("reason")), scans)


def _newest_first(facts: sa.Select[Any], table: sa.Table) -> sa.Select[Any]:
    # The id decides between facts of the same microsecond: pages neither repeat nor miss one.
    return facts.order_by(table.c.received_at.desc(), *(key.desc() for key in table.primary_key))


def _received(
    facts: sa.Select[Any], table: sa.Table, *, event_id: str | None, period: Period
) -> sa.Select[Any]:
    if event_id is not None:
        facts = facts.where(table.c.event_id == event_id)
    if period.start is not None:
        facts = facts.where(table.c.received_at >= period.start)
    if period.end is not None:
        facts = facts.where(table.c.received_at < period.end)
    return facts


def _page(facts: sa.Select[Any], *, page: int, limit: int) -> tuple[Sequence[sa.RowMapping], int]:
    """Return the rows of one page, and the count of all rows."""
    on_page = facts.limit(limit).offset((page - 1) * limit)
    total = facts.with_only_columns(sa.func.count(), maintain_column_froms=True).order_by(None)
    with db.get_engine().connect() as connection:
        return connection.execute(on_page).mappings().all(), connection.execute(total).scalar_one()
