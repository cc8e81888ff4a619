"""
The right to deliver one report: until it ends, no other worker begins the delivery.

It is a time in the report's row, not a lock: nothing is held while a mail server is slow.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from django.db import close_old_connections

from reports.models import GeneratedReport

# Longer than the slowest server takes for one recipient: EMAIL_TIMEOUT for each of half a dozen answers.
LEASE = timedelta(minutes=10)


class LeaseLost(RuntimeError):
    """Another worker took over the delivery, or the report was deleted: the rest is not this worker's."""


def clock_from(now: datetime) -> Callable[[], datetime]:
    """Return a clock that shows `now`, and goes on from there."""
    started = monotonic()
    return lambda: now + timedelta(seconds=monotonic() - started)


class Lease:
    """A lease that was just taken, by writing its end into the report's row."""

    def __init__(self, generated: GeneratedReport, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._report_id, self._until = generated.pk, generated.delivery_due_at

    def renew(self) -> None:
        """
        Start the lease again, before each step that may be slow, and return the connection.

        Raises:
            LeaseLost: it is not this worker's any more.
        """
        until = self._clock() + LEASE
        mine = GeneratedReport.objects.filter(pk=self._report_id, delivery_due_at=self._until)
        is_mine = mine.update(delivery_due_at=until)
        close_old_connections()
        if not is_mine:
            raise LeaseLost
        self._until = until
