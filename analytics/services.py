"""
Recording facts: each service stores one fact and counts it, in one statement of one transaction.

A fact that was sent before, under the same id, is answered as it was stored; nothing is stored twice. No
fact is ever changed.
"""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Generic

import sqlalchemy as sa

from analytics import statements
from analytics.deadlines import Deadline
from analytics.facts import Fact, InvalidAttemptFact, ScanFact, TransferFact
from analytics.models import COUNTER_SHARDS
from analytics.qr import Reading
from core import db


class IdReused(ValueError):
    """
    The id was used before, for something else. Nothing is stored.

    If you are hitting this, make a new random UUID for each fact, and repeat one only to send the very same
    fact again.
    """


@dataclass(frozen=True, kw_only=True)
class Recorded(Generic[Fact]):
    """A fact as stored, and whether it is new: not sent before under the same id."""

    fact: Fact
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """The scan as stored; for a duplicate also when and where the ticket was first admitted."""

    scan: ScanFact
    first_admitted_at: datetime | None
    first_admitted_gate: str | None


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
        IdReused: `scan_id` belongs to a scan of something else.
        DeadlinePassed: `deadline` has passed; nothing is stored.
    """
    row = _record(
        statements.REFUSE if reading.reason else statements.ADMIT,
        {
            "scan_id": scan_id,
            "event_id": reading.event_id,
            "ticket_id": reading.ticket_id,
            "reason": reading.reason,
            "is_genuine": reading.is_genuine,
            "gate": gate,
            "scanner_id": scanner_id,
            "scanned_at": scanned_at,
            "received_at": received_at,
            "attempt_id": uuid.uuid4(),
        },
        same=("event_id", "ticket_id", "reason", "is_genuine"),
        deadline=deadline,
    )
    first = {name: row.pop(name) for name in ("first_admitted_at", "first_admitted_gate")}
    return ScanResult(scan=ScanFact(**{**row, "reason": row["reason"] or None}), **first)


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
        # Inside the transaction: raising undoes an admission that belongs to a reused id, or comes too late.
        _check_same(row, {name: fact[name] for name in same})
        if deadline is not None:
            deadline.keep()
    return row


def _check_same(row: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        # The event of a refused scan or an attempt may have become known since it was stored without.
        if row[name] != value and (name, row[name]) != ("event_id", None):
            raise IdReused(f"this id was used before, with another {name}: send a new id for something new")
