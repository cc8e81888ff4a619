"""
Rejected rows read again with the current settings, and loaded as a run would load them.

A retry holds the source's lease meanwhile, so it never writes beside a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet

from etl import limits
from etl.lease import HeldLease, leased
from etl.loading.load import load_page
from etl.models import RejectedRow
from etl.parsing import Dialect
from etl.parsing.pages import read_row
from etl.rows import Endpoint, EventRow, Page, Rejection, SaleRow
from etl.sources import SourceSpec
from etl.sources.dialects import dialect_of

# As many rows are in memory at once.
CHUNK = 1_000

ReadRow = SaleRow | EventRow | Rejection


class NoSuchRow(LookupError):
    """
    No rejected row has this id; nothing was read.

    If you are hitting this, `manage.py etl rejects list --all` shows which there are.
    """


@dataclass(frozen=True, kw_only=True)
class RetryResult:
    """How many rows could be loaded, and how many are still rejected, with their current reasons."""

    loaded_count: int = 0
    rejected_count: int = 0

    @property
    def is_complete(self) -> bool:
        return self.rejected_count == 0

    def __add__(self, other: "RetryResult") -> "RetryResult":
        return RetryResult(
            loaded_count=self.loaded_count + other.loaded_count,
            rejected_count=self.rejected_count + other.rejected_count,
        )

    def __str__(self) -> str:
        return f"{self.loaded_count:,} loaded, {self.rejected_count:,} still rejected"


def retry(*, ids: Sequence[int] | None, now: datetime) -> RetryResult:
    """
    Read the rows `ids`, or (None) all that are still rejected; those that were loaded since are left alone.

    Raises:
        NoSuchRow: one of `ids` does not exist.
        LeaseHeld: a run of one of their sources is at work; sources before it by name are done.
        SourceFailed: ETL_CURRENCY or ETL_TIMEZONE is not known.
    """
    rows = RejectedRow.objects.filter(resolved_at=None)
    if ids is not None:
        _refuse_unknown(ids)
        rows = rows.filter(pk__in=ids)
    spec = SourceSpec(address="", currency=settings.ETL_CURRENCY, timezone=settings.ETL_TIMEZONE)
    dialect = dialect_of(spec, now=now)
    result = RetryResult()
    for source in rows.order_by("source").values_list("source", flat=True).distinct():
        with leased(source) as lease:
            # Events come first: their time zones decide the days of sales.
            for endpoint in Endpoint:
                for chunk in _chunks(rows.filter(source=source, endpoint=endpoint.value)):
                    result += _retry_chunk(chunk, endpoint, lease, dialect)
    return result


def _refuse_unknown(ids: Sequence[int]) -> None:
    known = set(RejectedRow.objects.filter(pk__in=ids).values_list("pk", flat=True))
    if unknown := [str(each) for each in ids if each not in known]:
        raise NoSuchRow(
            f"no rejected row {', '.join(unknown)}: `manage.py etl rejects list --all` shows them"
        )


def _chunks(rows: QuerySet[RejectedRow, RejectedRow]) -> Iterator[list[RejectedRow]]:
    after = 0
    while chunk := list(rows.filter(pk__gt=after).order_by("pk")[:CHUNK]):
        yield chunk
        after = chunk[-1].pk


def _retry_chunk(
    rows: Sequence[RejectedRow], endpoint: Endpoint, lease: HeldLease, dialect: Dialect
) -> RetryResult:
    readings = [(row, _read(row, endpoint, dialect)) for row in rows]
    loaded = [reading for _, reading in readings if not isinstance(reading, Rejection)]
    # One endpoint, so one kind of row.
    page = Page(endpoint=endpoint, rows=cast("Sequence[SaleRow]", loaded))
    load_page(page, source=lease.source, now=dialect.now, lease=lease)
    # Not in the page's transaction: killed in between, a row is loaded and open, and the next retry of it
    # changes nothing but that.
    RejectedRow.objects.bulk_update(
        [_judged(row, reading, dialect.now) for row, reading in readings], ["resolved_at", "field", "reason"]
    )
    return RetryResult(loaded_count=len(loaded), rejected_count=len(readings) - len(loaded))


def _read(row: RejectedRow, endpoint: Endpoint, dialect: Dialect) -> ReadRow:
    if isinstance(row.payload, str) and len(row.payload) >= limits.PAYLOAD:
        # Longer than `etl.limits.PAYLOAD`: its beginning is no longer a row.
        reason = "only its beginning is kept: cure it at the source, then `manage.py etl run --full`"
        return Rejection(row.payload, row.upstream_id, row.field, reason)
    if _is_of_pretix(row.payload):
        # No setting of ours helps: its currency is that of pretix' event. Once corrected in pretix, it has
        # changed there, and the next run reads it.
        return Rejection(row.payload, row.upstream_id, row.field, row.reason)
    return read_row(row.payload, endpoint, dialect)


def _is_of_pretix(payload: Any) -> bool:
    """Recognise a row of pretix by fields that no row of the upstream has together."""
    return isinstance(payload, Mapping) and (
        {"code", "positions"} <= payload.keys() or {"slug", "date_from"} <= payload.keys()
    )


def _judged(row: RejectedRow, reading: ReadRow, now: datetime) -> RejectedRow:
    if isinstance(reading, Rejection):
        row.field, row.reason = reading.field, reading.reason
    else:
        row.resolved_at = now
    return row
