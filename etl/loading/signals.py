"""
What happens when staff change an event: its days are cut in the new zone, its summaries get the new name.

In the transaction that saves the event, wherever there is one, as in the admin.
"""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from analytics.models import Event
from core import db
from etl.loading import locks, sale_dates

_FOLLOWED = {"name", "timezone"}


def before_save(*, update_fields: Collection[str] | None = None, raw: bool = False, **_: Any) -> None:
    """
    Wait for the pages under way before the event's row is locked.

    A page of events waits for that row while it keeps others from the summaries: the other way round, both
    would wait for each other.
    """
    if _is_followed(update_fields, raw=raw) and transaction.get_connection().in_atomic_block:
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
    """Follow the event's zone and name; reads the event's raw sales, writes those that move."""
    if created or not _is_followed(update_fields, raw=raw):
        return
    with db.get_engine().begin() as connection:
        locks.rebuild_summaries(connection)
        sale_dates.follow_zones(connection, event_ids=[instance.event_id], now=timezone.now())
        sale_dates.follow_names(connection, event_ids=[instance.event_id])


def _is_followed(update_fields: Collection[str] | None, *, raw: bool) -> bool:
    # raw: a fixture that is loaded as it is.
    return not raw and (update_fields is None or bool(_FOLLOWED.intersection(update_fields)))
