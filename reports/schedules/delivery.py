"""
Deliveries: a scheduled report that is made goes out by e-mail or into a folder.

A delivery is leased, not locked: no connection is held while a mail server is slow. One whose worker died is
repeated after the lease; then an e-mail may come twice, with the same Message-ID, rather than never.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from django.db import close_old_connections, transaction

from reports import access, schedule_outcome, store
from reports.models import Delivery, GeneratedReport, ReportState, Schedule
from reports.schedules import email, folder, owner
from reports.schedules.failed import DeliveryFailed
from reports.schedules.lease import LEASE, Lease, LeaseLost, clock_from

logger = logging.getLogger(__name__)

METHODS: Mapping[str, Callable[[GeneratedReport, Schedule, Lease], None]] = MappingProxyType(
    {Delivery.EMAIL: email.send, Delivery.FOLDER: folder.put}
)


def deliver_due(*, now: datetime) -> int:
    """Deliver what is due at `now` or becomes due meanwhile; return how many reports were delivered."""
    delivered = 0
    clock = clock_from(now)
    while (generated := _take(clock())) is not None:
        delivered += _deliver(generated, Lease(generated, clock), now)
    return delivered


def _take(now: datetime) -> GeneratedReport | None:
    with transaction.atomic():
        waiting = GeneratedReport.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            state=ReportState.MADE, delivery_due_at__lte=now
        )
        generated = waiting.select_related("schedule__owner").order_by("delivery_due_at").first()
        if generated is not None:
            generated.delivery_due_at = now + LEASE
            generated.save(update_fields=["delivery_due_at"])
    return generated


def _deliver(generated: GeneratedReport, lease: Lease, now: datetime) -> bool:
    schedule = generated.schedule
    if schedule is None:
        # It was deleted since the report was requested.
        _close(generated, delivered_at=None)
        return False
    try:
        _send(generated, schedule, lease)
    except LeaseLost:
        logger.warning("delivery of report %s ends: it is another worker's, or deleted", generated.pk)
        return False
    except (DeliveryFailed, access.NotAllowed) as error:
        schedule_outcome.record_failure(schedule.pk, str(error))
        _close(generated, delivered_at=None)
        return False
    except Exception as error:
        # The other deliveries go on, and so does the worker.
        if not schedule_outcome.record_unexpected(schedule.pk, error):
            raise
        _close(generated, delivered_at=None)
        return False
    schedule_outcome.record_success(schedule.pk)
    _close(generated, delivered_at=now)
    return True


def _send(generated: GeneratedReport, schedule: Schedule, lease: Lease) -> None:
    owner.check(schedule)
    if not access.covers(schedule.owner, generated):
        raise access.NotAllowed(
            f"The schedule's owner {schedule.owner} may not see all of its events any more"
        )
    if not store.has_file(generated):
        raise DeliveryFailed("The report's file is gone: make the report again")
    # All queries are done: the connection goes back before anything that may be slow.
    close_old_connections()
    METHODS[schedule.delivery](generated, schedule, lease)


def _close(generated: GeneratedReport, *, delivered_at: datetime | None) -> None:
    # Not save(): staff may have deleted the report meanwhile.
    GeneratedReport.objects.filter(pk=generated.pk).update(delivery_due_at=None, delivered_at=delivered_at)
