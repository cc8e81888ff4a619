"""
Lists of facts, page by page, newest first.
"""

from datetime import datetime
from typing import Annotated, Any, Self

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, model_validator

from analytics import queries
from analytics.api import fields
from analytics.api.answers import FAULTS
from analytics.facts import InvalidAttemptFact, Page, Period, ScanFact, TransferFact

router = Router(tags=["lists"])

# Beyond it Postgres would count rows for minutes only to answer an empty page.
LAST_PAGE = 1_000_000


class ListQuery(Schema):
    event_id: fields.EventId | None = None
    from_ts: fields.Instant | None = Field(None, description="received at this instant or later")
    to_ts: fields.Instant | None = Field(None, description="received before this instant")
    page: int = Field(1, ge=1, le=LAST_PAGE)
    limit: int = Field(100, ge=1, le=1000)

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.from_ts and self.to_ts and self.from_ts > self.to_ts:
            raise ValueError("from_ts is later than to_ts: swap them")
        return self

    def selection(self) -> dict[str, Any]:
        """Return the keyword arguments of the queries."""
        period = Period(start=self.from_ts, end=self.to_ts)
        return {"event_id": self.event_id, "period": period, "page": self.page, "limit": self.limit}

    def answer(self, page: Page[Any]) -> dict[str, Any]:
        """Return the page with the question it answers."""
        return {**self.model_dump(), "data": page.facts, "total": page.total}


class _Listed(Schema):
    event_id: str | None
    total: int
    page: int
    limit: int
    from_ts: datetime | None
    to_ts: datetime | None


class ScansListed(_Listed):
    data: list[ScanFact]


class TransfersListed(_Listed):
    data: list[TransferFact]


class InvalidAttemptsListed(_Listed):
    data: list[InvalidAttemptFact]


Asked = Annotated[ListQuery, Query()]


@router.get("/stats/scans", response={200: ScansListed, **FAULTS})
def list_scans(request: HttpRequest, query: Asked) -> dict[str, Any]:
    """List scans, refused ones included."""
    return query.answer(queries.scans_page(**query.selection()))


@router.get("/stats/transfers", response={200: TransfersListed, **FAULTS})
def list_transfers(request: HttpRequest, query: Asked) -> dict[str, Any]:
    """List transfers, failed ones included."""
    return query.answer(queries.transfers_page(**query.selection()))


@router.get("/stats/invalid-attempts", response={200: InvalidAttemptsListed, **FAULTS})
def list_invalid_attempts(request: HttpRequest, query: Asked) -> dict[str, Any]:
    """List invalid attempts: refused scans, and what callers reported."""
    return query.answer(queries.invalid_attempts_page(**query.selection()))
