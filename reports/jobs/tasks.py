"""
The one task: making a report. Its row is committed with the report's own, in the same database.
"""

from contextvars import ContextVar
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django_tasks import task

from reports.jobs import attempt
from reports.models import GeneratedReport

QUEUE = "reports"

# The time to work at, which tests set; None for the clock's.
instant: ContextVar[datetime | None] = ContextVar("instant", default=None)


def enqueue(generated: GeneratedReport) -> None:
    """Queue a report's making: inside `transaction.atomic()` with the rest of the block or not at all."""
    make_report.enqueue(str(generated.pk))


@task(queue_name=QUEUE)
def make_report(report_id: str) -> str:
    """
    Make the report and return the result as text.

    Raises:
        ReportFailed: it could not be made; the report's row says why.
    """
    now = instant.get() or timezone.now()
    return attempt.work_on(UUID(report_id), now=now, enqueue=enqueue)
