"""
Counters: how much happened at an event, exact without reading the facts.
"""

from django.db import models

from analytics.models.event import Event

# Concurrent scans of one event spread over this many rows, instead of queueing on one.
COUNTER_SHARDS = 16


COUNT_NAMES = (
    "scan_count",
    "valid_scan_count",
    "invalid_scan_count",
    "admitted_count",
    "duplicate_count",
    "refused_count",
    "transfer_count",
    "successful_transfer_count",
    "failed_transfer_count",
    "invalid_attempt_count",
)


class EventCounter(models.Model):
    """
    One shard of an event's counts on one UTC day of `received_at`. The truth is the sum over the shards.

    A scan is valid when its signature is genuine, whatever the outcome. Each change is part of the statement
    that stores the counted fact, so both exist or neither.
    """

    event = models.ForeignKey(Event, on_delete=models.PROTECT, db_index=False)
    day = models.DateField()
    shard = models.SmallIntegerField()
    scan_count = models.BigIntegerField(default=0, db_default=0)
    valid_scan_count = models.BigIntegerField(default=0, db_default=0)
    invalid_scan_count = models.BigIntegerField(default=0, db_default=0)
    admitted_count = models.BigIntegerField(default=0, db_default=0)
    duplicate_count = models.BigIntegerField(default=0, db_default=0)
    refused_count = models.BigIntegerField(default=0, db_default=0)
    transfer_count = models.BigIntegerField(default=0, db_default=0)
    successful_transfer_count = models.BigIntegerField(default=0, db_default=0)
    failed_transfer_count = models.BigIntegerField(default=0, db_default=0)
    invalid_attempt_count = models.BigIntegerField(default=0, db_default=0)
    last_updated = models.DateTimeField()

    class Meta:
        db_table = "analytics_stats"
        # Which events are busy now. Of columns that no scan changes: a count is updated in its page (HOT).
        indexes = (models.Index(fields=["day"], name="analytics_stats_by_day"),)
        constraints = (
            models.UniqueConstraint(fields=["event", "day", "shard"], name="analytics_stats_shard"),
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__gte": 0 for name in COUNT_NAMES}),
                name="analytics_stats_counts",
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_id} {self.day} shard {self.shard}"
