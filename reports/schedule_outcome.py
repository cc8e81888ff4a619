"""
How a schedule's runs ended: a success resets its failures, the fifth failure in a row switches it off.
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
    text = Case(When(is_last, then=Value(SWITCHED_OFF + error)), default=Value(error))
    Schedule.objects.filter(pk=schedule_id).update(
        failure_count=F("failure_count") + 1,
        is_active=Case(When(is_last, then=Value(value=False)), default=F("is_active")),
        last_error=Left(text, limits.ERROR),
    )


def record_unexpected(schedule_id: int, error: Exception) -> bool:
    """
    Log an unexpected `error` and count it as the schedule's failure.

    Returns:
        False, and does neither, when the database is unavailable: that is no schedule's failure.
    """
    if db.is_unavailable(error):
        return False
    logger.error("schedule %s failed", schedule_id, exc_info=error)
    name = type(error).__name__
    cure = f"The worker's log says where: look for schedule {schedule_id}."
    record_failure(schedule_id, f"It stopped with {name}. {cure}")
    return True


def record_success(schedule_id: int) -> None:
    """Reset the failures."""
    Schedule.objects.filter(pk=schedule_id).update(failure_count=0, last_error="")


def switch_on(schedule: Schedule) -> None:
    """Switch the schedule on again, without failures; the worker plans its next run."""
    schedule.is_active, schedule.failure_count, schedule.last_error = True, 0, ""
    schedule.next_run_at = None
    schedule.save(update_fields=["is_active", "failure_count", "last_error", "next_run_at"])
