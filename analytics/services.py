"""
Recording facts: each service stores one fact and counts it, in one statement of one transaction.

A fact that was sent before, under the same id, is answered as it was stored; nothing is stored twice. No
fact is ever changed.
"""

import secrets
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Generic

import sqlalchemy as sa
from django.db import transaction

from analytics import statements
from analytics.deadlines import Deadline, DeadlinePassed
from analytics.facts import Fact, InvalidAttemptFact, ScanResult, TransferFact
from analytics.ids import IdReused, check_same
from analytics.models import COUNTER_SHARDS
from analytics.qr import Reading
from analytics.recorder import batch
from analytics.recorder.batch import GivenScan
from analytics.recorder.line import recorder
from core import db


@dataclass(frozen=True, kw_only=True)
class Recorded(Generic[Fact]):
    """A fact as stored, and whether it is new: not sent before under the same id."""

    fact: Fact
    is_new: bool


def record_scan(
    *,
    reading: Reading,
    scan_id: uuid.UUID,
    gate: str,
    scanner_id: str,
    scanned_at: datetime,
    received_at: datetime,
    deadline: Deadline | None = None,
) -> ScanResult:
    """
    Decide about a reading and store the decision.

    A genuine ticket is admitted once; later scans of it are duplicates. A refused reading is stored as an
    invalid attempt too. The same `scan_id` again answers the first result.

    Raises:
        IdReused: `scan_id` belongs to a scan of something else, or by another scanner.
        DeadlinePassed: `deadline` has passed; nothing is stored.
        LineFull: too many scans wait; nothing is stored.
    """
    scan = GivenScan(
        scan_id=scan_id,
        event_id=reading.event_id,
        ticket_id=reading.ticket_id,
        reason=reading.reason,
        is_genuine=reading.is_genuine,
        gate=gate,
        scanner_id=scanner_id,
        scanned_at=scanned_at,
        received_at=received_at,
    )
    if transaction.get_connection().in_atomic_block:
        return _in_this_transaction(scan, deadline)
    return _through_the_recorder(scan, deadline)


def _in_this_transaction(scan: GivenScan, deadline: Deadline | None) -> ScanResult:
    """Decide in the caller's transaction, which the recorder has no part in."""
    with db.get_engine().begin() as connection:
        [decided] = batch.write(connection, [scan])
        # Inside the transaction: raising undoes an admission that belongs to a reused id, or comes too late.
        if isinstance(decided, IdReused):
            raise decided
        if deadline is not None:
            deadline.keep()
    return decided


def _through_the_recorder(scan: GivenScan, deadline: Deadline | None) -> ScanResult:
    future = recorder.submit(scan, deadline)
    with suppress(TimeoutError):
        return _result(future, None if deadline is None else max(0.0, deadline.seconds_left))
    if deadline is not None and deadline.give_up():
        raise DeadlinePassed
    # It is being stored: what was stored is said, however late.
    return _result(future, None)


def _result(future: Any, timeout: float | None) -> ScanResult:
    result: ScanResult = future.result(timeout)
    return result


def record_transfer(*, transfer: TransferFact, deadline: Deadline | None = None) -> Recorded[TransferFact]:
    """
    Store a transfer; an unknown event is registered.

    Raises:
        IdReused: its `transfer_id` belongs to another transfer.
        DeadlinePassed: `deadline` has passed; nothing is stored.
    """
    row = _record(
        statements.TRANSFER,
        asdict(transfer),
        same=("event_id", "ticket_id", "from_user", "to_user", "is_successful", "reason"),
        deadline=deadline,
    )
    is_new = row.pop("is_new")
    return Recorded(fact=TransferFact(**row), is_new=is_new)


def record_invalid_attempt(
    *, attempt: InvalidAttemptFact, deadline: Deadline | None = None
) -> Recorded[InvalidAttemptFact]:
    """
    Store an invalid attempt that no scan made; of an unknown event only the rest is kept.

    Raises:
        IdReused: its `attempt_id` belongs to another attempt.
        DeadlinePassed: `deadline` has passed; nothing is stored.
    """
    row = _record(
        statements.INVALID_ATTEMPT,
        asdict(attempt),
        same=("event_id", "ticket_id", "reason", "detail"),
        deadline=deadline,
    )
    is_new = row.pop("is_new")
    return Recorded(fact=InvalidAttemptFact(**row), is_new=is_new)


def _record(
    statement: sa.TextClause, fact: dict[str, Any], *, same: Sequence[str], deadline: Deadline | None
) -> dict[str, Any]:
    """Store one fact and return its row. `same`: what a fact stored under its id must agree in."""
    if deadline is None:
        return _store(statement, fact, same, None)
    return db.run_until(deadline.at, _store, statement, fact, same, deadline)


def _store(
    statement: sa.TextClause, fact: dict[str, Any], same: Sequence[str], deadline: Deadline | None
) -> dict[str, Any]:
    shard = secrets.randbelow(COUNTER_SHARDS)
    with db.get_engine().begin() as connection:
        row = dict(connection.execute(statement, {**fact, "shard": shard}).mappings().one())
        # Inside the transaction: raising undoes what comes too late.
        check_same(row, {name: fact[name] for name in same})
        if deadline is not None:
            deadline.keep()
    return row
