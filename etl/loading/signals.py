"""
What happens when staff change an event: the days of its sales are recomputed, its summaries get the new name.

In the transaction that saves the event, wherever there is one, as in the admin.
"""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from analytics.models import Event
from core import db
from etl.loading import locks, sale_dates, summaries

# The fields of an event that sales and summaries depend on.
_FIELDS = {"name", "timezone"}


def before_save(*, update_fields: Collection[str] | None = None, raw: bool = False, **_: Any) -> None:
    """
    Wait for the pages under way before the event's row is locked.

    A page of events waits for that row while it keeps others from the summaries: the other way round, both
    would wait for each other.
    """
    if _touches_summaries(update_fields, raw=raw) and transaction.get_connection().in_atomic_block:
        with db.get_engine().begin() as connection:
            locks.rebuild_summaries(connection)


def after_save(
    *,
    instance: Event,
    update_fields: Collection[str] | None = None,
    raw: bool = False,
    created: bool = False,
    **_: Any,
) -> None:
    """Apply the event's zone and name to its sales; reads its raw sales, writes those that move."""
    if created or not _touches_summaries(update_fields, raw=raw):
        return
    with db.get_engine().begin() as connection:
        locks.rebuild_summaries(connection)
        sale_dates.recompute_with_summaries(connection, event_ids=[instance.event_id], now=timezone.now())
        summaries.copy_event_names(connection, event_ids=[instance.event_id])


def _touches_summaries(update_fields: Collection[str] | None, *, raw: bool) -> bool:
    # raw: a fixture that is loaded as it is.
    return not raw and (update_fields is None or bool(_FIELDS.intersection(update_fields)))
