"""
What authenticated callers report: transfers, and invalid attempts that no scan of ours saw.

Both are idempotent: the same id again answers 200 with what was stored, instead of 201.
"""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field, StrictBool

from analytics import deadlines, services
from analytics.api import fields
from analytics.api.answers import FAULTS, Problem
from analytics.facts import InvalidAttemptFact, TransferFact

router = Router(tags=["reported facts"])


class TransferRequest(Schema):
    ticket_id: fields.TicketId
    event: fields.EventId = Field(description="registered when unknown")
    from_user: fields.User
    to_user: fields.User
    is_successful: StrictBool = True
    reason: fields.TransferReason = ""
    transferred_at: fields.Instant | None = Field(None, description="the caller's clock; when absent, ours")
    transfer_id: uuid.UUID | None = Field(None, description="the caller's, to send the same transfer again")


class InvalidAttemptRequest(Schema):
    reason: fields.Reason
    ticket_id: fields.MaybeTicketId = ""
    event: fields.MaybeEventId = Field("", description="kept only when known")
    detail: fields.Detail = ""
    gate: fields.Gate = ""
    scanner_id: fields.ScannerId = ""
    attempted_at: fields.Instant | None = Field(None, description="the caller's clock; when absent, ours")
    attempt_id: uuid.UUID | None = Field(None, description="the caller's, to send the same attempt again")


@router.post("/transfers", response={200: TransferFact, 201: TransferFact, **FAULTS, 409: Problem})
def record_transfer(
    request: HttpRequest, body: TransferRequest, patience: fields.Patience = settings.SCAN_TIMEOUT
) -> Status[Any]:
    """Store a transfer of a ticket, successful or not."""
    received_at = timezone.now()
    transfer = TransferFact(
        transfer_id=body.transfer_id or uuid.uuid4(),
        event_id=body.event,
        ticket_id=body.ticket_id,
        from_user=body.from_user,
        to_user=body.to_user,
        is_successful=body.is_successful,
        reason=body.reason,
        transferred_at=body.transferred_at or received_at,
        received_at=received_at,
    )
    recorded = services.record_transfer(transfer=transfer, deadline=deadlines.of(request))
    return Status(201 if recorded.is_new else 200, recorded.fact)


@router.post(
    "/invalid-attempts", response={200: InvalidAttemptFact, 201: InvalidAttemptFact, **FAULTS, 409: Problem}
)
def record_invalid_attempt(
    request: HttpRequest, body: InvalidAttemptRequest, patience: fields.Patience = settings.SCAN_TIMEOUT
) -> Status[Any]:
    """Store an attempt to use what is no valid ticket."""
    received_at = timezone.now()
    attempt = InvalidAttemptFact(
        attempt_id=body.attempt_id or uuid.uuid4(),
        event_id=body.event or None,
        ticket_id=body.ticket_id,
        reason=body.reason,
        detail=body.detail,
        gate=body.gate,
        scanner_id=body.scanner_id,
        scan_id=None,
        attempted_at=body.attempted_at or received_at,
        received_at=received_at,
    )
    recorded = services.record_invalid_attempt(attempt=attempt, deadline=deadlines.of(request))
    return Status(201 if recorded.is_new else 200, recorded.fact)
