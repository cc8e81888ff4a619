"""
Generated reports: asked for, being made, made or failed; with what they were made from.
"""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from reports import limits


class FileFormat(models.TextChoices):
    """The formats of a report's file."""

    CSV = "csv", "CSV"
    CSV_BOM = "csv-bom", "CSV for Excel (with BOM)"
    XLSX = "xlsx", "XLSX"
    PDF = "pdf", "PDF"
    JSON = "json", "JSON"


class ReportState(models.TextChoices):
    """The state of a report. `making` with an old heartbeat means that its worker died."""

    QUEUED = "queued"
    MAKING = "making"
    MADE = "made"
    FAILED = "failed"
    EXPIRED = "expired"


class GeneratedReport(models.Model):
    """
    One report that somebody asked for.

    `parameters` is what `reports.catalogue.Parameters` writes. `file_name` is a name in the reports' storage,
    chosen by the service, never by a request; "" until the report is made and after it expired.
    `data_version` names the data that the rows were read from: the same report of the same data is not made
    twice. `attempt` counts the workers that claimed it; only the latest may finish it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.CharField(max_length=limits.SLUG)
    parameters = models.JSONField(default=dict)
    format = models.CharField(max_length=limits.FORMAT, choices=FileFormat)
    state = models.CharField(max_length=limits.STATE, choices=ReportState, default=ReportState.QUEUED)
    requested_by: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    schedule = models.ForeignKey("reports.Schedule", null=True, on_delete=models.SET_NULL)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    # The process that makes it: "host:pid".
    worker = models.CharField(max_length=limits.HOLDER, blank=True)
    attempt = models.IntegerField(default=0, db_default=0)
    # Rows written so far, and the rows expected; null while that is not known.
    row_count = models.BigIntegerField(default=0, db_default=0)
    row_total = models.BigIntegerField(null=True)
    file_name = models.CharField(max_length=limits.FILE_NAME, blank=True)
    size_bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=limits.SHA256, blank=True)
    data_version = models.CharField(max_length=limits.SHA256, blank=True)
    # The newest ETL run whose rows it reflects; a number only, since runs may be purged.
    etl_run_id = models.BigIntegerField("ETL run", null=True)
    # `reports.making.Preview` as JSON: the first rows, to show without opening the file.
    preview = models.JSONField(default=dict, blank=True)
    error = models.CharField(max_length=limits.ERROR, blank=True)
    expires_at = models.DateTimeField(null=True)
    # When a scheduled report that is made is to be delivered; during the delivery the end of its lease, after
    # which another worker delivers it. Null: nothing to deliver.
    delivery_due_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "generated_reports"
        ordering = ("-requested_at",)
        indexes = (
            models.Index(fields=["state", "heartbeat_at"], name="generated_reports_by_state"),
            models.Index(fields=["report", "data_version"], name="generated_reports_by_data"),
            models.Index(fields=["-requested_at"], name="generated_reports_newest"),
            models.Index(
                fields=["delivery_due_at"],
                condition=models.Q(delivery_due_at__isnull=False),
                name="generated_reports_to_deliver",
            ),
        )

    def __str__(self) -> str:
        return f"{self.report} ({self.format})"

    @property
    def duration_seconds(self) -> float | None:
        """How long it took to make; None until it is made or failed."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()
