"""
QR codes: make one, validate one at the gate, and look up what happened to a ticket.
"""

import base64
import json
import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Path, Router, Schema
from ninja.errors import ValidationError
from pydantic import Field

from analytics import deadlines, limits, qr, queries, services
from analytics.api import fields
from analytics.api.answers import FAULTS, Problem
from analytics.facts import OutcomeName, ScanFact, ScanResult

router = Router(tags=["tickets"])

# Where a server that asked the recorder itself leaves why it failed, among the request's META.
FAILED_KEY = "turnstile.failed"


class GenerateRequest(Schema):
    ticket_id: str = Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=limits.TICKET_ID)
    event: fields.EventId
    user: fields.User


class GenerateAnswer(Schema):
    qr_base64: str = Field(description="PNG, error correction M")
    token: str = Field(description="the text in the code")


class ValidateRequest(Schema):
    # Any text at all: what cannot be a ticket is a refused scan, not a caller's mistake.
    qr_text: str = Field(description="the text read from the code")
    event: fields.EventId | fields.Events | None = Field(
        None, description="the gate's event, or several; a ticket of another one is refused"
    )
    scan_id: uuid.UUID | None = Field(
        None, description="the device's: send it again and get the first answer"
    )
    gate: fields.Gate = ""
    scanner_id: fields.ScannerId = ""
    scanned_at: fields.Instant | None = Field(None, description="the device's clock; when absent, ours")


class ValidateAnswer(Schema):
    isValid: bool = Field(description="the signature is genuine, whatever the outcome")  # noqa: N815 - legacy wire format
    metadata: dict[str, Any] | None = Field(description="the payload without sig, when genuine")
    outcome: OutcomeName
    reason: str | None = Field(description="why refused")
    scan_id: uuid.UUID
    received_at: datetime
    first_admitted_at: datetime | None = Field(description="for a duplicate")
    first_admitted_gate: str | None = Field(description="for a duplicate")


@router.post("/generate-qr", response={200: GenerateAnswer, **FAULTS})
def generate_qr(request: HttpRequest, body: GenerateRequest) -> dict[str, str]:
    """Sign a ticket and draw its code. Nothing is stored."""
    token = qr.sign(body.model_dump())
    try:
        png = qr.code_as_png(token)
    except qr.CodeTooLarge as error:
        problem = {"type": "too_large", "loc": ["body", "event"], "msg": f"{error}: shorten event or user"}
        raise ValidationError([problem]) from error
    return {"qr_base64": base64.b64encode(png).decode(), "token": token}


@router.post("/validate-qr", response={200: ValidateAnswer, **FAULTS, 409: Problem})
def validate_qr(
    request: HttpRequest, body: ValidateRequest, patience: fields.Patience = settings.SCAN_TIMEOUT
) -> HttpResponse:
    """
    Decide about the ticket in a code, store the decision, and answer 200 whatever it is.

    Any other status means that nothing was decided.
    """
    if (found := request.META.get(FAILED_KEY)) is not None:
        raise found
    received_at = timezone.now()
    reading = qr.read_for(body.qr_text, events_of(body.event))
    result = services.record_scan(
        reading=reading,
        scan_id=body.scan_id or uuid.uuid4(),
        gate=body.gate,
        scanner_id=body.scanner_id,
        scanned_at=body.scanned_at or received_at,
        received_at=received_at,
        deadline=deadlines.of(request),
    )
    return HttpResponse(decision(reading, result), content_type="application/json")


def events_of(event: str | list[str] | None) -> Collection[str]:
    """Return the events that a request names."""
    return [event] if isinstance(event, str) else event or ()


def decision(reading: qr.Reading, result: ScanResult) -> bytes:
    """Return what /validate-qr answers, in JSON."""
    scan = result.scan
    answer = {
        "isValid": scan.is_genuine,
        "metadata": reading.payload,
        "outcome": scan.outcome,
        "reason": scan.reason,
        "scan_id": scan.scan_id,
        "received_at": _instant(scan.received_at),
        "first_admitted_at": _instant(result.first_admitted_at),
        "first_admitted_gate": result.first_admitted_gate,
    }
    try:
        return _encode(answer)
    except UnicodeEncodeError:
        # Half a character, as JSON may escape it, in a code that somebody else signed with our key.
        return json.dumps(answer, default=str).encode()


_encode = msgspec.json.Encoder().encode


def _instant(instant: datetime | None) -> str | None:
    """Return an instant as Django's JSON has it: to the millisecond, with a Z."""
    if instant is None:
        return None
    text = instant.isoformat(timespec="milliseconds" if instant.microsecond else "seconds")
    return text.replace("+00:00", "Z")


@router.get("/qr/scan-log/{ticket_id}", response={200: list[ScanFact], **FAULTS})
def scan_log(request: HttpRequest, ticket_id: Annotated[fields.TicketId, Path()]) -> list[ScanFact]:
    """List up to 100 scans of a ticket, newest first."""
    return queries.scan_log(ticket_id=ticket_id)
