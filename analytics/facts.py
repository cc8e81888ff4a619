"""
What services and queries answer: plain values, which the API shows under the same names.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, Literal, TypeVar
from uuid import UUID

Fact = TypeVar("Fact")
OutcomeName = Literal["admitted", "duplicate", "refused"]


@dataclass(frozen=True, kw_only=True)
class Period:
    """A half-open stretch of time: `start` included, `end` not; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Fact]):
    """One page of a list, and how many facts there are on all pages together."""

    facts: list[Fact]
    total: int


@dataclass(frozen=True, kw_only=True)
class ScanFact:
    """
    One reading of a ticket. `reason` is None unless refused, `event_id` None for an unknown event.

    One `is_offline` was decided by its device, which let somebody in; `is_forced`, against what it advised.
    """

    scan_id: UUID
    event_id: str | None
    ticket_id: str
    outcome: OutcomeName
    reason: str | None
    is_genuine: bool
    gate: str
    scanner_id: str
    scanned_at: datetime
    received_at: datetime
    is_offline: bool
    is_forced: bool


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """The scan as stored; for a duplicate also when and where the ticket was first admitted."""

    scan: ScanFact
    first_admitted_at: datetime | None
    first_admitted_gate: str | None


@dataclass(frozen=True, kw_only=True)
class TransferFact:
    """One transfer of a ticket. `reason` is "" when none was given."""

    transfer_id: UUID
    event_id: str
    ticket_id: str
    from_user: str
    to_user: str
    is_successful: bool
    reason: str
    transferred_at: datetime
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class InvalidAttemptFact:
    """One invalid attempt; `scan_id` names the refused scan that made it, if one did."""

    attempt_id: UUID
    event_id: str | None
    ticket_id: str
    reason: str
    detail: str
    gate: str
    scanner_id: str
    scan_id: UUID | None
    attempted_at: datetime
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Recorded(Generic[Fact]):
    """A fact as stored, and whether it is new: not sent before under the same id."""

    fact: Fact
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Counts:
    """
    How much happened. A scan is valid when its signature is genuine, whatever the outcome.

    `admitted_ticket_count` counts distinct tickets: a ticket is admitted once, so it equals `admitted_count`.
    """

    scan_count: int
    valid_scan_count: int
    invalid_scan_count: int
    admitted_count: int
    duplicate_count: int
    refused_count: int
    transfer_count: int
    successful_transfer_count: int
    failed_transfer_count: int
    invalid_attempt_count: int
    admitted_ticket_count: int


@dataclass(frozen=True, kw_only=True)
class DayTotals(Counts):
    """An event's counts on one UTC day."""

    day: date


@dataclass(frozen=True, kw_only=True)
class EventTotals(Counts):
    """An event's counts over its life; `last_updated` is None when nothing happened yet."""

    event_id: str
    last_updated: datetime | None


@dataclass(frozen=True, kw_only=True)
class EventTotalsByDay(EventTotals):
    """The same, and each day on which something happened, the oldest first."""

    days: list[DayTotals]


@dataclass(frozen=True, kw_only=True)
class HourTotal:
    """The scans of one hour of a UTC day, 0 to 23."""

    hour: int
    scan_count: int
