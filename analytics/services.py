"""
Recording facts: each service stores one fact and counts it, in one statement, with others that wait.

A fact that was sent before, under the same id, is answered as it was stored; nothing is stored twice. No
fact is ever changed.
"""

import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction

from analytics.deadlines import Deadline, DeadlinePassed
from analytics.facts import InvalidAttemptFact, Recorded, ScanResult, TransferFact
from analytics.ids import IdReused
from analytics.qr import Reading
from analytics.recorder import attempts, scans, transfers
from analytics.recorder.line import Recorder
from analytics.recorder.scans import GivenScan
from core import db


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
    result: ScanResult = _record(scans.recorder, scan, deadline)
    return result


def record_transfer(*, transfer: TransferFact, deadline: Deadline | None = None) -> Recorded[TransferFact]:
    """
    Store a transfer; an unknown event is registered.

    Raises:
        IdReused: its `transfer_id` belongs to another transfer.
        DeadlinePassed: `deadline` has passed; nothing is stored.
        LineFull: too many facts wait; nothing is stored.
    """
    recorded: Recorded[TransferFact] = _record(transfers.recorder, transfer, deadline)
    return recorded


def record_invalid_attempt(
    *, attempt: InvalidAttemptFact, deadline: Deadline | None = None
) -> Recorded[InvalidAttemptFact]:
    """
    Store an invalid attempt that no scan made; of an unknown event only the rest is kept.

    Raises:
        IdReused: its `attempt_id` belongs to another attempt.
        DeadlinePassed: `deadline` has passed; nothing is stored.
        LineFull: too many facts wait; nothing is stored.
    """
    recorded: Recorded[InvalidAttemptFact] = _record(attempts.recorder, attempt, deadline)
    return recorded


def _record(recorder: Recorder, fact: Any, deadline: Deadline | None) -> Any:
    """Store a fact, with others that wait; in a caller's transaction by itself."""
    if transaction.get_connection().in_atomic_block:
        return _in_this_transaction(recorder, fact, deadline)
    return _through_the_recorder(recorder, fact, deadline)


def _in_this_transaction(recorder: Recorder, fact: Any, deadline: Deadline | None) -> Any:
    """Store in the caller's transaction, which the recorder has no part in."""
    with db.get_engine().begin() as connection:
        [answer] = recorder.write(connection, [fact])
        # Inside the transaction: raising undoes an admission that belongs to a reused id, or comes too late.
        if isinstance(answer, IdReused):
            raise answer
        if deadline is not None:
            deadline.keep()
    return answer


def _through_the_recorder(recorder: Recorder, fact: Any, deadline: Deadline | None) -> Any:
    future = recorder.submit(fact, deadline)
    with suppress(TimeoutError):
        return future.result(None if deadline is None else max(0.0, deadline.seconds_left))
    if deadline is not None and deadline.give_up():
        raise DeadlinePassed
    # It is being stored: what was stored is said, however late.
    return future.result()
