"""
Recording facts: each service stores one fact and counts it, in one statement, with others that wait.

A fact that was sent before, under the same id, is answered as it was stored; nothing is stored twice. No
fact is ever changed.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from analytics.deadlines import Deadline, DeadlinePassed
from analytics.facts import InvalidAttemptFact, Recorded, ScanResult, TransferFact
from analytics.ids import IdReused
from analytics.qr import Reading
from analytics.recorder import attempts, transfers
from analytics.recorder import scans as scan_recorder
from analytics.recorder.line import Recorder
from analytics.recorder.scans import GivenScan

if TYPE_CHECKING:
    from concurrent.futures import Future

# Nobody stands at a gate for what a device uploads.
OFFLINE_SECONDS = 10.0


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
    result: ScanResult = _record(scan_recorder.recorder, scan, deadline)
    return result


def record_offline_scans(
    *, scans: Sequence[GivenScan], seconds: float = OFFLINE_SECONDS
) -> list[ScanResult | Exception]:
    """
    Store scans that devices decided without us, in their order, behind those of people who wait at a gate.

    Args:
        scans: what their codes said; no event or gate is asked.
        seconds: what is not stored by then is not stored.

    Returns:
        For each what is stored, or why nothing is: one that cannot be stored keeps none of the others.

    Raises:
        LineFull: too many wait; nothing is stored.
    """
    recorder = scan_recorder.recorder
    each_with_deadline = [(scan, Deadline(seconds)) for scan in scans]
    if transaction.get_connection().in_atomic_block:
        return [_or_error(_in_this_transaction, recorder, *each) for each in each_with_deadline]
    futures = recorder.submit_later(each_with_deadline)
    return [
        _or_error(_answer, future, deadline)
        for future, (_, deadline) in zip(futures, each_with_deadline, strict=True)
    ]


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
    with transaction.atomic():
        [answer] = recorder.write(_execute, [fact])
        # Inside the transaction: raising undoes an admission that belongs to a reused id, or comes too late.
        if isinstance(answer, IdReused):
            raise answer
        if deadline is not None:
            deadline.keep()
    return answer


def _execute(statement: str, values: Mapping[str, Any]) -> list[Any]:
    with transaction.get_connection().cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Any] = cursor.fetchall()
        return rows


def _through_the_recorder(recorder: Recorder, fact: Any, deadline: Deadline | None) -> Any:
    return _answer(recorder.submit(fact, deadline), deadline)


def _answer(future: "Future[Any]", deadline: Deadline | None) -> Any:
    with suppress(TimeoutError):
        return future.result(None if deadline is None else max(0.0, deadline.seconds_left))
    if deadline is not None and deadline.give_up():
        raise DeadlinePassed
    # It is being stored: what was stored is said, however late.
    return future.result()


def _or_error(store: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return store(*arguments)
    except Exception as error:  # noqa: BLE001 - whoever sent it is told, by what it is
        return error
