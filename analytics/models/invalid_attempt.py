"""
Invalid attempts: refused scans, and what other systems report.
"""

from django.db import models

from analytics import limits
from analytics.models.event import Event
from analytics.models.scan import Scan


class InvalidAttempt(models.Model):
    """
    One attempt to use what is no valid ticket.

    A refused scan makes one by itself and is linked to it; authenticated callers report the others. `event`
    is null when it is not known: an invalid attempt never registers an event. Text is "" when none was given.
    """

    attempt_id = models.UUIDField(primary_key=True)
    event = models.ForeignKey(Event, null=True, on_delete=models.PROTECT, db_index=False)
    ticket_id = models.CharField(max_length=limits.TICKET_ID)
    reason = models.CharField(max_length=limits.REASON)
    detail = models.CharField(max_length=limits.DETAIL)
    gate = models.CharField(max_length=limits.GATE)
    scanner_id = models.CharField(max_length=limits.SCANNER_ID)
    # No constraint, as in an admission.
    scan = models.ForeignKey(Scan, null=True, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    # The caller's clock, and ours.
    attempted_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "invalid_attempts"
        indexes = (
            models.Index(fields=["event", "-received_at", "-attempt_id"], name="invalid_attempts_by_event"),
            models.Index(fields=["-received_at", "-attempt_id"], name="invalid_attempts_newest"),
            models.Index(fields=["ticket_id"], name="invalid_attempts_by_ticket"),
        )

    def __str__(self) -> str:
        return f"{self.ticket_id or 'unknown ticket'}: {self.reason}"
