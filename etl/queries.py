"""
The state of the ETL: what ran, how fresh the data is, what was rejected. Nothing here writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from etl.models import Cursor, Lease, RejectedRow, Run, RunOutcome


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """
    One source.

    Attributes:
        runs: its last runs, newest first.
        fresh_at: everything that the source knew then is loaded; None before the first run that was done.
        cursors: how far each endpoint was read, by endpoint.
        open_reject_count: rejected rows that were not loaded since.
        lease: which process may write its rows now; None when it is free.
    """

    source: str
    runs: Sequence[Run]
    fresh_at: datetime | None
    cursors: Mapping[str, Cursor]
    open_reject_count: int
    lease: Lease | None


def last_run(*, source: str | None = None) -> Run | None:
    """Return the run that began last, of one source or (None) of all; None before the first."""
    runs = Run.objects.all() if source is None else Run.objects.filter(source=source)
    return runs.order_by("-started_at", "-id").first()


def source_statuses(*, now: datetime, run_count: int) -> list[SourceStatus]:
    """
    Return the state of each source that ever ran, by name, with its last `run_count` runs.

    Five statements, however many sources there are; two of them read the whole run log.
    """
    runs = _last_runs(run_count)
    cursors = list(Cursor.objects.order_by("endpoint"))
    rejects = _open_reject_counts()
    leases = {lease.source: lease for lease in Lease.objects.filter(expires_at__gt=now)}
    return [
        SourceStatus(
            source=source,
            runs=[run for run in runs if run.source == source],
            fresh_at=fresh_at,
            cursors={each.endpoint: each for each in cursors if each.source == source},
            open_reject_count=rejects.get(source, 0),
            lease=leases.get(source),
        )
        for source, fresh_at in _fresh_at().items()
    ]


def _fresh_at() -> dict[str, datetime | None]:
    # When the run began, not when it ended: what was sold meanwhile it may have passed by.
    done = Max("started_at", filter=Q(outcome=RunOutcome.DONE))
    return dict(Run.objects.order_by("source").values_list("source").annotate(fresh_at=done))


def _last_runs(count: int) -> list[Run]:
    newest_first = [F("started_at").desc(), F("id").desc()]
    rank = Window(RowNumber(), partition_by="source", order_by=newest_first)
    return list(Run.objects.annotate(rank=rank).filter(rank__lte=count).order_by("source", "rank"))


def _open_reject_counts() -> dict[str, int]:
    still_rejected = RejectedRow.objects.filter(resolved_at=None).order_by()
    return dict(still_rejected.values_list("source").annotate(row_count=Count("id")))


def rejected_rows(
    *, source: str = "", field: str = "", with_resolved: bool = False
) -> QuerySet[RejectedRow, RejectedRow]:
    """Return the rows that are still rejected, of one source and field or ("") of all, newest first."""
    rows = RejectedRow.objects.select_related("run").order_by("-id")
    if not with_resolved:
        rows = rows.filter(resolved_at=None)
    if source:
        rows = rows.filter(source=source)
    return rows.filter(field=field) if field else rows
