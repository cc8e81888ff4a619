"""
How a schedule's runs ended: a success forgets earlier failures, the fifth failure in a row switches it off.
"""

import logging

from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Left

from core import db
from reports import limits
from reports.models import Schedule

logger = logging.getLogger(__name__)

SWITCHED_OFF = f"Switched off after {Schedule.MAXIMUM_FAILURES} failures in a row. The last one: "


def record_failure(schedule_id: int, error: str) -> None:
    """Count a failure and keep its reason. One statement."""
    is_last = Q(failure_count__gte=Schedule.MAXIMUM_FAILURES - 1)
    told = Case(When(is_last, then=Value(SWITCHED_OFF + error)), default=Value(error))
    Schedule.objects.filter(pk=schedule_id).update(
        failure_count=F("failure_count") + 1,
        is_active=Case(When(is_last, then=Value(False)), default=F("is_active")),  # noqa: FBT003 - SQL's own
        last_error=Left(told, limits.ERROR),
    )


def record_unforeseen(schedule_id: int, error: Exception) -> None:
    """
    Log `error`, which nobody foresaw, and count it as the schedule's failure.

    Raises:
        Exception: `error` itself, if it is the database that does not serve: that is no schedule's failure.
    """
    if db.is_unavailable(error):
        raise error
    logger.error("schedule %s failed", schedule_id, exc_info=error)
    told = f"It stopped with {type(error).__name__}. The worker's log tells where: look for schedule"
    record_failure(schedule_id, f"{told} {schedule_id}.")


def record_success(schedule_id: int) -> None:
    """Forget earlier failures."""
    Schedule.objects.filter(pk=schedule_id).update(failure_count=0, last_error="")


def switch_on(schedule: Schedule) -> None:
    """Start the schedule again with a clean slate; the worker plans its next run from now on."""
    schedule.is_active, schedule.failure_count, schedule.last_error = True, 0, ""
    schedule.next_run_at = None
    schedule.save(update_fields=["is_active", "failure_count", "last_error", "next_run_at"])
