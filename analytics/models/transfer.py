"""
Transfers: a ticket that changed hands, or tried to.
"""

from django.db import models

from analytics import limits
from analytics.models.event import Event


class Transfer(models.Model):
    """
    One transfer of a ticket, as an authenticated caller reported it.

    `transfer_id` may be the caller's, so that a transfer whose answer got lost can be sent again. `reason`
    is "" when none was given.
    """

    transfer_id = models.UUIDField(primary_key=True)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, db_index=False)
    ticket_id = models.CharField(max_length=limits.TICKET_ID)
    from_user = models.CharField(max_length=limits.USER)
    to_user = models.CharField(max_length=limits.USER)
    is_successful = models.BooleanField()
    reason = models.CharField(max_length=limits.TRANSFER_REASON)
    # The caller's clock, and ours.
    transferred_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "ticket_transfers"
        indexes = (
            models.Index(fields=["event", "-received_at", "-transfer_id"], name="ticket_transfers_by_event"),
            models.Index(fields=["-received_at", "-transfer_id"], name="ticket_transfers_newest"),
            models.Index(fields=["ticket_id"], name="ticket_transfers_by_ticket"),
        )

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.from_user} to {self.to_user}"
