"""
What devices decided while they were offline: they let somebody in, and upload it later.
"""

import logging
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import pydantic
from annotated_types import Len
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field, StrictBool, WithJsonSchema

from analytics import limits, qr, services
from analytics.api import fields
from analytics.api.answers import FAULTS
from analytics.deadlines import DeadlinePassed
from analytics.facts import OutcomeName, ScanResult
from analytics.ids import IdReused
from analytics.recorder.scans import GivenScan
from core import db

logger = logging.getLogger(__name__)

router = Router(tags=["tickets"])

LATER = "not stored in time: send it again"
OUR_FAULT = "it could not be stored, by a fault of ours: keep it, and send it again later"


class OfflineScan(Schema):
    qr_text: str = Field(description="the text read from the code")
    scan_id: UUID = Field(description="the device's: it names the scan, however often it is sent")
    scanned_at: fields.Instant = Field(description="the device's clock")
    gate: fields.Gate = ""
    scanner_id: fields.ScannerId = ""
    forced: StrictBool = Field(default=False, description="somebody was let in against the device's advice")


class OfflineScans(Schema):
    # Each is looked at by itself: one that is wrong must not keep the others on their device.
    scans: Annotated[
        list[Annotated[Any, WithJsonSchema(OfflineScan.model_json_schema())]], Len(1, limits.OFFLINE_SCANS)
    ]


class OfflineAnswer(Schema):
    scan_id: str | None = Field(description="as it was sent; null where none could be read")
    outcome: OutcomeName | None = Field(default=None, description="null: nothing is stored")
    reason: str | None = Field(default=None, description="why refused")
    conflict: bool = Field(default=False, description="somebody came in whom we would not have admitted")
    received_at: datetime | None = None
    first_admitted_at: datetime | None = Field(default=None, description="for a duplicate")
    first_admitted_gate: str | None = Field(default=None, description="for a duplicate")
    problem: str | None = Field(default=None, description="why nothing is stored")
    send_again: bool = Field(default=False, description="nothing is stored, but may be the next time")


class OfflineAnswers(Schema):
    scans: list[OfflineAnswer] = Field(description="one for each scan, in their order")


@router.post("/scans/batch", response={200: OfflineAnswers, **FAULTS})
def record_offline_scans(request: HttpRequest, body: OfflineScans) -> dict[str, list[OfflineAnswer]]:
    """
    Store up to 1,000 scans with which devices let people in while they were offline.

    What happened is never refused: a ticket that was used before is stored as a duplicate, in conflict. Sent
    again, each scan gets the answer that it got first. Any other status than 200 means: send all again.
    """
    received_at = timezone.now()
    read = [_read(item, received_at) for item in body.scans]
    scans = [each for each in read if isinstance(each, GivenScan)]
    results = iter(services.record_offline_scans(scans=scans) if scans else [])
    told: list[Any] = [next(results) if isinstance(each, GivenScan) else each for each in read]
    if all(isinstance(each, Exception) and _may_succeed(each) for each in told):
        # Nothing is stored: the answer is that of a scan at such a time.
        raise told[0]
    return {"scans": [_answer(item, each) for item, each in zip(body.scans, told, strict=True)]}


def _read(item: Any, received_at: datetime) -> GivenScan | pydantic.ValidationError:
    try:
        given = OfflineScan.model_validate(item)
    except pydantic.ValidationError as error:
        return error
    reading = qr.read(given.qr_text)
    return GivenScan(
        scan_id=given.scan_id,
        event_id=reading.event_id,
        ticket_id=reading.ticket_id,
        reason=reading.reason,
        is_genuine=reading.is_genuine,
        gate=given.gate,
        scanner_id=given.scanner_id,
        scanned_at=given.scanned_at,
        received_at=received_at,
        is_offline=True,
        is_forced=given.forced,
    )


def _may_succeed(error: Exception) -> bool:
    return isinstance(error, DeadlinePassed) or db.is_unavailable(error)


def _answer(item: Any, result: ScanResult | Exception) -> OfflineAnswer:
    if isinstance(result, Exception):
        problem, send_again = _problem(result)
        return OfflineAnswer(scan_id=_id_of(item), problem=problem, send_again=send_again)
    return OfflineAnswer(
        scan_id=_id_of(item),
        outcome=result.scan.outcome,
        reason=result.scan.reason,
        conflict=result.scan.outcome != "admitted",
        received_at=result.scan.received_at,
        first_admitted_at=result.first_admitted_at,
        first_admitted_gate=result.first_admitted_gate,
    )


def _problem(error: Exception) -> tuple[str, bool]:
    """Return what is wrong with a scan of which nothing is stored, and whether to send it again."""
    if isinstance(error, pydantic.ValidationError):
        wrong = (f"{'.'.join(map(str, each['loc'])) or 'scan'}: {each['msg']}" for each in error.errors())
        return "; ".join(wrong), False
    if isinstance(error, IdReused):
        return str(error), False
    if _may_succeed(error):
        return LATER, True
    # Not its text, which quotes what was sent.
    logger.error("an offline scan could not be stored: %s", type(error).__name__)
    return OUR_FAULT, True


def _id_of(item: Any) -> str | None:
    given = item.get("scan_id") if isinstance(item, dict) else None
    return limits.bounded(given, length=limits.SCAN_ID) if isinstance(given, str) else None
