"""
Schedules: reports that are made automatically, then sent by e-mail or put into a folder.
"""

from typing import Any

from django.conf import settings
from django.db import models

from analytics import limits as analytics_limits
from reports import limits
from reports.models.generated_report import FileFormat


class Cadence(models.TextChoices):
    """How often; the report covers the day or the seven days before."""

    DAILY = "daily"
    WEEKLY = "weekly"


class Delivery(models.TextChoices):
    """Where a finished report goes."""

    EMAIL = "email", "e-mail"
    FOLDER = "folder"


class Schedule(models.Model):
    """
    One report that is made daily or weekly with its owner's permissions, as they are when it runs.

    `hour` and `timezone` say when on the clock; `weekday` is 0 for Monday and counts for weekly ones only.
    After MAXIMUM_FAILURES failures in a row it is switched off, and `last_error` says why.
    """

    MAXIMUM_FAILURES = 5

    report = models.CharField(max_length=limits.SLUG)
    format = models.CharField(max_length=limits.FORMAT, choices=FileFormat)
    # The report's parameters without the period, which the cadence gives.
    parameters = models.JSONField(default=dict, blank=True)
    owner: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    cadence = models.CharField(max_length=limits.CADENCE, choices=Cadence)
    hour = models.SmallIntegerField(default=6)
    weekday = models.SmallIntegerField(default=0)
    timezone = models.CharField(max_length=analytics_limits.TIMEZONE, default="UTC")
    delivery = models.CharField(max_length=limits.DELIVERY, choices=Delivery)
    # Addresses, separated by commas.
    recipients = models.CharField(max_length=limits.RECIPIENTS, blank=True)
    # A folder below REPORT_FOLDER.
    folder = models.CharField(max_length=limits.FOLDER, blank=True)
    is_active = models.BooleanField("active", default=True)
    next_run_at = models.DateTimeField(null=True)
    last_run_at = models.DateTimeField(null=True)
    failure_count = models.SmallIntegerField(default=0)
    last_error = models.CharField(max_length=limits.ERROR, blank=True)

    class Meta:
        db_table = "report_schedules"
        indexes = (models.Index(fields=["is_active", "next_run_at"], name="report_schedules_due"),)

    def __str__(self) -> str:
        return f"{self.report} {self.cadence}"
