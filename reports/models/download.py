"""
Downloads: who downloaded which report, and when.
"""

from typing import Any

from django.conf import settings
from django.db import models

from reports import limits
from reports.models.generated_report import GeneratedReport


class Download(models.Model):
    """One download of a report's file; it stays when the report is deleted."""

    generated_report = models.ForeignKey(GeneratedReport, null=True, on_delete=models.SET_NULL)
    report = models.CharField(max_length=limits.SLUG)
    file_name = models.CharField(max_length=limits.FILE_NAME)
    sha256 = models.CharField(max_length=limits.SHA256)
    user: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    downloaded_at = models.DateTimeField()

    class Meta:
        db_table = "report_downloads"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.file_name} at {self.downloaded_at}"
