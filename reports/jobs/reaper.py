"""
Reports and tasks whose worker died: put back into the queue, or failed.

django-tasks leaves a task of a killed worker running for ever; the report's heartbeat shows that it is not.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from reports.jobs import states, tasks
from reports.models import GeneratedReport, ReportState

# Sixty beats. Longer than a restart of Postgres, shorter than people wait before they make a report again.
SILENT_AFTER = timedelta(seconds=60)
_PENDING = (TaskResultStatus.READY, TaskResultStatus.RUNNING)


class WorkerDied(RuntimeError):
    """The worker that ran this task is gone; its report was put back or failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """
    What was found.

    Attributes:
        put_back, failed: reports in the making without a heartbeat.
        closed: running tasks whose worker is gone.
        queued: queued reports that had no task.
    """

    put_back: int = 0
    failed: int = 0
    closed: int = 0
    queued: int = 0


def reap(*, now: datetime) -> Reaped:
    """Put back, fail, close or queue whatever has had no worker for SILENT_AFTER at `now`."""
    before = now - SILENT_AFTER
    silent = list(GeneratedReport.objects.filter(state=ReportState.MAKING, heartbeat_at__lt=before))
    error = f"Its worker died {states.MAXIMUM_ATTEMPTS} times. See the workers' logs, then make it again."
    put_back = sum(
        states.retry_or_fail(generated, error, now=now, enqueue=tasks.enqueue) for generated in silent
    )
    closed = sum(_close(task) for task in _running(before) if not _is_alive(task, before))
    queued = sum(_queue(generated, before) for generated in _waiting(before))
    return Reaped(put_back=put_back, failed=len(silent) - put_back, closed=closed, queued=queued)


def _running(before: datetime) -> list["DBTaskResult[..., str]"]:
    running = DBTaskResult.objects.running().filter(queue_name=tasks.QUEUE, started_at__lt=before)
    return list(running)


def _is_alive(task: "DBTaskResult[..., str]", before: datetime) -> bool:
    making = GeneratedReport.objects.filter(state=ReportState.MAKING, heartbeat_at__gte=before)
    # A heartbeat of another task's attempt at the same report does not show that this task is alive.
    return making.filter(pk=task.args_kwargs["args"][0], started_at__gte=task.started_at).exists()


def _close(task: "DBTaskResult[..., str]") -> bool:
    task.set_failed(WorkerDied("no heartbeat"))
    return True


def _waiting(before: datetime) -> list[GeneratedReport]:
    return list(GeneratedReport.objects.filter(state=ReportState.QUEUED, requested_at__lt=before))


def _queue(generated: GeneratedReport, before: datetime) -> bool:
    """Queue a report whose task was lost; the row's lock keeps another reaper from doing it, too."""
    with transaction.atomic():
        queued = GeneratedReport.objects.select_for_update(skip_locked=True).filter(state=ReportState.QUEUED)
        if queued.filter(pk=generated.pk, requested_at__lt=before).first() is None:
            return False
        pending = DBTaskResult.objects.filter(queue_name=tasks.QUEUE, status__in=_PENDING)
        if pending.filter(args_kwargs__args__0=str(generated.pk)).exists():
            return False
        tasks.enqueue(generated)
    return True
