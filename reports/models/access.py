"""
Which events a member of staff may see, where not all.
"""

from typing import Any

from django.conf import settings
from django.db import models

from analytics.models import Event


class EventAccess(models.Model):
    """
    One event that one user may see. A user without any such row is not limited; superusers never are.
    """

    user: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="event_accesses", db_index=False
    )
    # Protected: with its last row a user is not limited any more, and that must be somebody's decision.
    event = models.ForeignKey(Event, on_delete=models.PROTECT, db_index=False)

    class Meta:
        db_table = "event_accesses"
        verbose_name = "event access"
        verbose_name_plural = "event accesses"
        constraints = (models.UniqueConstraint(fields=["user", "event"], name="event_accesses_once"),)

    def __str__(self) -> str:
        return f"{self.user} may see {self.event_id}"
