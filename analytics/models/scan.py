"""
Scans and admissions: every reading of a ticket, and the one that let it in.
"""

from django.db import models

from analytics import limits
from analytics.models.event import Event


class Outcome(models.TextChoices):
    """What a scan decided."""

    ADMITTED = "admitted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Scan(models.Model):
    """
    One reading of a ticket, whatever the outcome.

    `scan_id` is the device's, so that a scan whose answer got lost can be sent again. `event` is null only
    for a refused reading of an event that is not known. `reason` is "" unless refused. `gate` is plain text:
    a misspelt gate never refuses a genuine ticket.
    """

    scan_id = models.UUIDField(primary_key=True)
    event = models.ForeignKey(Event, null=True, on_delete=models.PROTECT, db_index=False)
    ticket_id = models.CharField(max_length=limits.TICKET_ID)
    outcome = models.CharField(max_length=limits.OUTCOME, choices=Outcome)
    reason = models.CharField(max_length=limits.REASON)
    is_genuine = models.BooleanField("signature is genuine")
    gate = models.CharField(max_length=limits.GATE)
    scanner_id = models.CharField(max_length=limits.SCANNER_ID)
    # The device's clock, and ours.
    scanned_at = models.DateTimeField()
    received_at = models.DateTimeField()
    # Its device decided without us, and let somebody in: a fact, whatever we say of the ticket.
    is_offline = models.BooleanField("decided offline", db_default=False, default=False)
    is_forced = models.BooleanField("let in against its device's advice", db_default=False, default=False)

    class Meta:
        db_table = "ticket_scans"
        indexes = (
            models.Index(fields=["ticket_id", "-received_at", "-scan_id"], name="ticket_scans_by_ticket"),
            models.Index(fields=["event", "-received_at", "-scan_id"], name="ticket_scans_by_event"),
            models.Index(fields=["-received_at", "-scan_id"], name="ticket_scans_newest"),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(outcome__in=Outcome.values), name="ticket_scans_outcome"
            ),
        )

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.outcome}"


class Admission(models.Model):
    """The one scan that let a ticket in: the unique key is what makes every later scan a duplicate."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, db_index=False)
    ticket_id = models.CharField(max_length=limits.TICKET_ID)
    # No index: nobody asks for the admission of a scan, and each index slows every admission. No constraint:
    # one statement writes both rows, and a foreign key's check keeps the plan that it made for a small table.
    scan = models.ForeignKey(Scan, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    gate = models.CharField(max_length=limits.GATE)
    scanner_id = models.CharField(max_length=limits.SCANNER_ID)
    # Our clock when the scan was received: devices' clocks disagree.
    admitted_at = models.DateTimeField()

    class Meta:
        db_table = "admissions"
        constraints = (
            models.UniqueConstraint(fields=["event", "ticket_id"], name="admissions_once_per_ticket"),
        )

    def __str__(self) -> str:
        return self.ticket_id
