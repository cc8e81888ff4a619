"""
Rejected rows deleted for good. Nothing else deletes them: each of them may be money.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from django.db.models import QuerySet

from etl.models import RejectedRow

RejectedRows: TypeAlias = QuerySet[RejectedRow, RejectedRow]


def purgeable(*, ids: Sequence[int], only_resolved: bool, before: datetime | None) -> RejectedRows:
    """Return the rejected rows that match every condition; (), False and None are no condition."""
    rows = RejectedRow.objects.order_by()
    if ids:
        rows = rows.filter(pk__in=ids)
    if only_resolved:
        rows = rows.filter(resolved_at__isnull=False)
    return rows if before is None else rows.filter(last_rejected_at__lt=before)


def purge(rows: RejectedRows) -> int:
    """Delete `rows` in one statement and return how many there were."""
    count, _ = rows.delete()
    return count
