"""
Runs: what the ETL did, when, and how it ended. A run is recorded before it reads anything.
"""

from django.db import models

from etl import limits


class RunOutcome(models.TextChoices):
    """How a run ended. One that was killed stays `running` until the next run of its source finds it."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    TOO_MANY_REJECTS = "too_many_rejects", "too many rejects"
    KILLED = "killed"


class Run(models.Model):
    """
    One run over one source. Counts are rows of all endpoints.

    `read_count` is the sum of inserted, updated, unchanged and rejected. `cursor_before` and `cursor_after`
    are those of the sales.
    """

    source = models.CharField(max_length=limits.SOURCE)
    # What was asked for, as text: "incremental", "full", "since 2026-01-01T00:00:00Z"...
    mode = models.CharField(max_length=limits.REASON)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=limits.OUTCOME, choices=RunOutcome)
    error = models.TextField(blank=True)
    cursor_before = models.DateTimeField(null=True)
    cursor_after = models.DateTimeField(null=True)
    page_count = models.BigIntegerField(default=0)
    read_count = models.BigIntegerField(default=0)
    inserted_count = models.BigIntegerField(default=0)
    updated_count = models.BigIntegerField(default=0)
    unchanged_count = models.BigIntegerField(default=0)
    rejected_count = models.BigIntegerField(default=0)

    class Meta:
        db_table = "etl_run_log"
        ordering = ("-id",)
        indexes = (models.Index(fields=["source", "-started_at"], name="etl_run_log_by_source"),)
        verbose_name = "ETL run"

    def __str__(self) -> str:
        return f"run {self.pk} of {self.source}"

    @property
    def duration_seconds(self) -> float | None:
        """How long the run took; None while it runs."""
        return None if self.finished_at is None else (self.finished_at - self.started_at).total_seconds()
