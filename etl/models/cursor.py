"""
Where the next run of a source begins, and which run may write now.
"""

from django.db import models

from etl import limits
from etl.models.run import Run


class Cursor(models.Model):
    """
    How far one endpoint of one source was read.

    `cursor_at` is the greatest source timestamp that was committed; the next run asks for what is not older.
    `resume` is null, or where a run over an unordered endpoint was interrupted: `{"since", "page"}`.
    """

    pk = models.CompositePrimaryKey("source", "endpoint")
    source = models.CharField(max_length=limits.SOURCE)
    endpoint = models.CharField(max_length=limits.ENDPOINT)
    cursor_at = models.DateTimeField(null=True)
    resume = models.JSONField(null=True)

    class Meta:
        db_table = "etl_cursors"

    def __str__(self) -> str:
        return f"{self.source} {self.endpoint} at {self.cursor_at}"


class Lease(models.Model):
    """
    The right of one run to write rows of one source.

    Each page's transaction renews it, so a run that lost it cannot commit; one that dies loses it when it
    expires. It needs no connection of its own while the run waits for its source.
    """

    source = models.CharField(max_length=limits.SOURCE, primary_key=True)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, db_index=False)
    # The process that holds it: "host:pid".
    holder = models.CharField(max_length=limits.HOLDER)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "etl_leases"

    def __str__(self) -> str:
        return f"{self.source} until {self.expires_at}"
