"""
Events and their gates: what staff maintain in the admin.
"""

from django.db import models
from django.db.models.functions import Now

from analytics import limits


class Event(models.Model):
    """
    One event. `event_id` is what the QR payload carries as `event`; legacy payloads carry names.

    A genuine ticket of an unknown event registers it: staff complete the row later.
    """

    event_id = models.CharField("event id", max_length=limits.EVENT_ID, primary_key=True)
    name = models.CharField(max_length=limits.EVENT_NAME)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    timezone = models.CharField(max_length=limits.TIMEZONE, db_default="UTC", default="UTC")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "events"
        ordering = ("event_id",)

    def __str__(self) -> str:
        return self.name


class Gate(models.Model):
    """One gate of an event, by the name that scanners send. A scan's gate need not be listed here."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="gates", db_index=False)
    name = models.CharField(max_length=limits.GATE)

    class Meta:
        db_table = "gates"
        ordering = ("event_id", "name")
        constraints = (models.UniqueConstraint(fields=["event", "name"], name="gates_event_name_unique"),)

    def __str__(self) -> str:
        return self.name
