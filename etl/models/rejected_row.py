"""
Rejected rows: what a source sent and the ETL could not read. Nothing is guessed, and nothing is lost.
"""

from django.db import models

from etl import limits
from etl.models.run import Run


class RejectedRow(models.Model):
    """
    One row of a source that could not be loaded, whole, with the field at fault and the reason.

    Reading the same row again counts it once more instead of keeping it twice. `resolved_at` is set when the
    row was loaded after all, by a retry or in a corrected version.
    """

    source = models.CharField(max_length=limits.SOURCE)
    endpoint = models.CharField(max_length=limits.ENDPOINT)
    # The run that rejected it last; null when it was rejected outside a run.
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL)
    # The source's id of the row; "" without one.
    upstream_id = models.CharField(max_length=limits.SALE_ID)
    payload = models.JSONField()
    payload_hash = models.CharField(max_length=limits.PAYLOAD_HASH)
    field = models.CharField(max_length=limits.FIELD)
    reason = models.CharField(max_length=limits.REASON)
    first_rejected_at = models.DateTimeField()
    last_rejected_at = models.DateTimeField()
    seen_count = models.IntegerField(default=1, db_default=1)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "etl_rejects"
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["source", "endpoint", "payload_hash"], name="etl_rejects_once"),
        )
        indexes = (
            models.Index(fields=["source", "endpoint", "upstream_id"], name="etl_rejects_by_upstream_id"),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.endpoint} {self.upstream_id or self.pk}: {self.reason}"
