"""
How a report passes from state to state: one transaction for each step, by the latest attempt only.

A worker that was taken for dead and comes back changes nothing: its attempt is no longer the row's.

A report that goes back into the queue needs a task again, in the same transaction. The callers say how to
`enqueue` it: the task makes attempts, which change states, so this module cannot know the task.
"""

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable

from reports import limits, schedule_outcome
from reports.making import MadeFile
from reports.models import GeneratedReport, ReportState

MAXIMUM_ATTEMPTS = 3
# `reports.jobs.tasks.enqueue`.
Enqueue = Callable[[GeneratedReport], None]


def worker_name() -> str:
    """Return the name of this process among the workers: "host:pid", 64 characters at most."""
    return f"{socket.gethostname()[:50]}:{os.getpid()}"


def claim(report_id: UUID, *, now: datetime) -> GeneratedReport | None:
    """Claim a queued report for a new attempt; return None when it is not queued (any more)."""
    with transaction.atomic():
        queued = GeneratedReport.objects.select_for_update().filter(pk=report_id, state=ReportState.QUEUED)
        generated = queued.first()
        if generated is None:
            return None
        generated.state = ReportState.MAKING
        generated.attempt += 1
        generated.worker = worker_name()
        generated.started_at = generated.heartbeat_at = now
        generated.row_count, generated.row_total = 0, None
        generated.save()
    return generated


def beat(generated: GeneratedReport, *, rows: int, total: int | None, now: datetime) -> bool:
    """Record that the attempt is alive, and its progress; return whether it is the latest. One statement."""
    return bool(_mine(generated).update(heartbeat_at=now, row_count=rows, row_total=total))


def finish(generated: GeneratedReport, made: MadeFile, name: str, *, now: datetime) -> bool:
    """Publish the file stored under `name`; return False, without doing so, if a later attempt began."""
    finished_at = now + timedelta(seconds=made.seconds)
    changed = _mine(generated).update(
        state=ReportState.MADE,
        finished_at=finished_at,
        expires_at=finished_at + timedelta(days=settings.REPORT_KEEP_DAYS),
        file_name=name,
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        row_count=made.row_count,
        row_total=made.row_total,
        data_version=made.data_version,
        etl_run_id=made.etl_run_id,
        preview=made.preview.to_json(),
        error="",
        # A schedule's report is not done before it is delivered.
        delivery_due_at=finished_at if generated.schedule_id else None,
    )
    return bool(changed)


def fail(generated: GeneratedReport, error: str, *, now: datetime) -> None:
    """Mark the report as failed for good, and record the failure of its schedule."""
    with transaction.atomic():
        text = error[: limits.ERROR]
        has_failed = _mine(generated).update(state=ReportState.FAILED, error=text, finished_at=now)
        if has_failed and generated.schedule_id is not None:
            schedule_outcome.record_failure(generated.schedule_id, text)


def put_back(generated: GeneratedReport, *, enqueue: Enqueue) -> None:
    """Put the report back into the queue as if it had not been claimed, because its worker is stopping."""
    _queue_again(generated, enqueue, attempt=F("attempt") - 1)


def retry_or_fail(generated: GeneratedReport, error: str, *, now: datetime, enqueue: Enqueue) -> bool:
    """Put the report back into the queue, or fail it after MAXIMUM_ATTEMPTS; return whether it is back."""
    if generated.attempt < MAXIMUM_ATTEMPTS:
        _queue_again(generated, enqueue)
        return True
    fail(generated, error, now=now)
    return False


def _queue_again(generated: GeneratedReport, enqueue: Enqueue, **changes: Combinable) -> None:
    with transaction.atomic():
        queued = {"state": ReportState.QUEUED, "worker": "", "started_at": None, "heartbeat_at": None}
        if _mine(generated).update(**queued, **changes):
            enqueue(generated)


def _mine(generated: GeneratedReport) -> QuerySet[GeneratedReport]:
    return GeneratedReport.objects.filter(
        pk=generated.pk, attempt=generated.attempt, state=ReportState.MAKING
    )
