"""
Schedules that are due: each puts its report into the queue, as its owner, with the permissions of now.

A run is taken under a lock, and its report and the next time are committed together: two workers never both
run it. Missed runs of the last week are made up for, one after the other.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from reports import schedule_outcome, services
from reports.catalogue import Parameters, UnknownReport
from reports.models import FileFormat, Schedule
from reports.schedules import owner, times

CATCH_UP = timedelta(days=7)
# For a schedule whose next run cannot be computed: each retry counts as a failure, the fifth switches it off.
RETRY_AFTER = timedelta(days=1)
_REFUSALS = (services.NotAllowed, UnknownReport, ValueError)


def run_due(*, now: datetime) -> int:
    """Run every schedule that is due at `now`, and plan new ones; return how many reports were queued."""
    return sum(iter(lambda: _run_one(now), None))


def _run_one(now: datetime) -> int | None:
    """Return the reports that the next due schedule queued, 0 or 1; None when nothing is due."""
    with transaction.atomic():
        schedule = _take(now)
        if schedule is None:
            return None
        queued = _run_or_fail(schedule, now)
        schedule.save(update_fields=["next_run_at", "last_run_at"])
    return queued


def _take(now: datetime) -> Schedule | None:
    unlocked = Schedule.objects.select_for_update(skip_locked=True, of=("self",)).select_related("owner")
    is_due = Q(next_run_at__lte=now) | Q(next_run_at=None)
    return unlocked.filter(is_due, is_active=True).order_by("next_run_at", "pk").first()


def _run_or_fail(schedule: Schedule, now: datetime) -> int:
    try:
        # A savepoint: without it, a statement that failed would keep the failure from being recorded.
        with transaction.atomic():
            return _run(schedule, now)
    except _REFUSALS as error:
        schedule_outcome.record_failure(schedule.pk, str(error))
    except Exception as error:
        # The other schedules go on, and so does the worker.
        if not schedule_outcome.record_unexpected(schedule.pk, error):
            raise
    return 0


def _run(schedule: Schedule, now: datetime) -> int:
    # The time of the retry stays when the next run cannot be computed.
    planned, schedule.next_run_at = schedule.next_run_at, now + RETRY_AFTER
    run_at, schedule.next_run_at = _when(schedule, planned, now)
    if run_at is None:
        return 0
    schedule.last_run_at = now
    _queue(schedule, run_at, now)
    return 1


def _when(schedule: Schedule, planned: datetime | None, now: datetime) -> tuple[datetime | None, datetime]:
    """Return the run to make up for (None when there is none), and the one after it."""
    if planned is None:
        # New, or changed: it begins with the next time on the clock.
        return None, times.next_run(schedule, after=now)
    run_at = planned
    if run_at < now - CATCH_UP:
        run_at = times.next_run(schedule, after=now - CATCH_UP)
    if run_at > now:
        return None, run_at
    return run_at, times.next_run(schedule, after=run_at)


def _queue(schedule: Schedule, run_at: datetime, now: datetime) -> None:
    owner.check(schedule)
    start, end = times.period(schedule, run_at=run_at)
    event_ids = schedule.parameters.get("event_ids")
    asked = Parameters(start=start, end=end, event_ids=None if event_ids is None else tuple(event_ids))
    parameters = services.allowed_parameters(user=schedule.owner, slug=schedule.report, parameters=asked)
    services.queue_report(
        user=schedule.owner,
        slug=schedule.report,
        parameters=parameters,
        file_format=FileFormat(schedule.format),
        now=now,
        schedule=schedule,
    )
