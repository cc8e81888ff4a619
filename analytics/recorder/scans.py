"""
A batch of scans: in the order in which they came; what was decided about each comes out.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from analytics.facts import ScanFact, ScanResult
from analytics.ids import IdReused, check_same
from analytics.recorder import statements
from analytics.recorder.line import Recorder
from analytics.recorder.scan_statement import COLUMNS, WRITE
from analytics.recorder.statements import Execute

# What a scan that was stored under the same id must agree in.
SAME = ("event_id", "ticket_id", "reason", "is_genuine", "gate", "scanner_id")


class GivenScan(NamedTuple):
    """
    A scan that is to be decided and stored. `reason` is "" where the ticket may be admitted.
    """

    scan_id: UUID
    event_id: str
    ticket_id: str
    reason: str
    is_genuine: bool
    gate: str
    scanner_id: str
    scanned_at: datetime
    received_at: datetime
    is_offline: bool = False
    is_forced: bool = False


Decided = ScanResult | IdReused
# When and where a ticket was admitted, by event and ticket.
Admissions = dict[tuple[str | None, str], tuple[datetime, str]]


def write(execute: Execute, scans: Sequence[GivenScan]) -> list[Decided]:
    """
    Decide and store scans in the transaction of `execute`, and commit nothing.

    Returns:
        What was decided about each. Where one is IdReused, the transaction must be undone: its admission may
        have been stored for it.
    """
    rows: dict[UUID, statements.Row] = {}
    earlier: Admissions = {}
    for row in statements.run(execute, WRITE, scans):
        if row[_SCAN_ID] is None:
            earlier[row[_EVENT_ID], row[_TICKET_ID]] = row[_RECEIVED_AT], row[_GATE]
        else:
            rows[row[_SCAN_ID]] = row
    # Of those with one id, the first is what is stored.
    facts: dict[UUID, ScanFact] = {}
    checked: list[ScanFact | IdReused] = []
    for scan in scans:
        fact = facts.get(scan.scan_id)
        if fact is None:
            row = rows[scan.scan_id]
            fact = facts[scan.scan_id] = _new(scan, row) if row[_IS_NEW] else _stored(row)
            checked.append(fact if row[_IS_NEW] else _checked(scan, fact))
        else:
            checked.append(_checked(scan, fact))
    return _results(checked, earlier)


_SCAN_ID, _EVENT_ID, _TICKET_ID, _OUTCOME, _GATE, _RECEIVED_AT = map(
    COLUMNS.index, ("scan_id", "event_id", "ticket_id", "outcome", "gate", "received_at")
)
_IS_NEW = len(COLUMNS)


def _new(scan: GivenScan, row: statements.Row) -> ScanFact:
    """Return what was stored just now: as it was given, with what was decided."""
    return ScanFact(
        scan_id=scan.scan_id,
        event_id=row[_EVENT_ID],
        ticket_id=scan.ticket_id,
        outcome=row[_OUTCOME],
        reason=str(scan.reason) or None,
        is_genuine=scan.is_genuine,
        gate=scan.gate,
        scanner_id=scan.scanner_id,
        scanned_at=scan.scanned_at,
        received_at=scan.received_at,
        is_offline=scan.is_offline,
        is_forced=scan.is_forced,
    )


def _stored(row: statements.Row) -> ScanFact:
    values = dict(zip(COLUMNS, row, strict=False))
    return ScanFact(**{**values, "reason": values["reason"] or None})


def _checked(scan: GivenScan, fact: ScanFact) -> ScanFact | IdReused:
    stored = {name: getattr(fact, name) for name in SAME}
    given = {name: getattr(scan, name) for name in SAME}
    try:
        check_same({**stored, "reason": fact.reason or ""}, given)
    except IdReused as error:
        return error
    return fact


def _results(checked: Iterable[ScanFact | IdReused], earlier: Admissions) -> list[Decided]:
    """Add to each duplicate when and where its ticket was admitted: before, or by another of the batch."""
    first: Admissions = {}
    results: list[Decided] = []
    for fact in checked:
        if isinstance(fact, IdReused):
            results.append(fact)
            continue
        ticket = fact.event_id, fact.ticket_id
        at, gate = None, None
        if fact.outcome == "duplicate":
            at, gate = earlier.get(ticket) or first[ticket]
        elif fact.outcome == "admitted":
            first.setdefault(ticket, (fact.received_at, fact.gate))
        results.append(ScanResult(scan=fact, first_admitted_at=at, first_admitted_gate=gate))
    return results


recorder = Recorder(write, "scans")
