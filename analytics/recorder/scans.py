"""
A batch of scans: in the order in which they came; what was decided about each comes out.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from analytics.facts import ScanFact, ScanResult
from analytics.ids import IdReused, check_same
from analytics.recorder import statements
from analytics.recorder.line import Recorder
from analytics.recorder.scan_statement import WRITE

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


def write(connection: sa.Connection, scans: Sequence[GivenScan]) -> list[Decided]:
    """
    Decide and store scans in the connection's transaction, and commit nothing.

    Returns:
        What was decided about each. Where one is IdReused, the transaction must be undone: its admission may
        have been stored for it.
    """
    rows = statements.run(connection, WRITE, scans)
    stored = {row["scan_id"]: row for row in rows if row["scan_id"] is not None}
    first = _first_admissions(rows, stored.values())
    return [_decided(scan, stored[scan.scan_id], first) for scan in scans]


Admissions = Mapping[tuple[str, str], tuple[datetime, str]]


def _first_admissions(rows: Iterable[Mapping[str, Any]], scans: Iterable[Mapping[str, Any]]) -> Admissions:
    """Return when and where each ticket was admitted: before this batch, or by a scan of it."""
    in_batch = {
        (scan["event_id"], scan["ticket_id"]): (scan["received_at"], scan["gate"])
        for scan in scans
        if scan["outcome"] == "admitted"
    }
    before = {
        (row["event_id"], row["ticket_id"]): (row["received_at"], row["gate"])
        for row in rows
        if row["scan_id"] is None
    }
    return {**in_batch, **before}


def _decided(scan: GivenScan, row: Mapping[str, Any], first: Admissions) -> Decided:
    try:
        check_same(row, {name: getattr(scan, name) for name in SAME})
    except IdReused as error:
        return error
    at, gate = None, None
    if row["outcome"] == "duplicate":
        at, gate = first[row["event_id"], row["ticket_id"]]
    fact = ScanFact(**{**row, "reason": row["reason"] or None})
    return ScanResult(scan=fact, first_admitted_at=at, first_admitted_gate=gate)


recorder = Recorder(write)
