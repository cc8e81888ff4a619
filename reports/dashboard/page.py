"""
The dashboard, the admin's start page: what happens at the gates now, what was sold, how old the sales are.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from core import db
from reports import access, queries
from reports.dashboard import numbers, sales


def add_numbers(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the start page's context with the numbers of the events that the reader may see."""
    now, visible = timezone.now(), access.visible_events(request.user)
    # Asked before a connection is borrowed: Django would need another one for the answer.
    may_see_sales = request.user.has_perm(sales.MAY_SEE_SALES)
    with db.get_engine().connect() as connection:
        tonight = numbers.tonight(connection=connection, now=now, event_ids=visible)
        sold = _sales(connection, now.date(), visible) if may_see_sales else {}
        age = queries.age_of_the_data(connection=connection)
    return {
        **context,
        "title": "Tonight",
        "is_limited": visible is not None,
        "live": tonight,
        "live_url": reverse("live"),
        **sold,
        "data_age": age,
    }


def _sales(connection: sa.Connection, today: date, visible: Sequence[str] | None) -> dict[str, Any]:
    """Return the sales of the chart's days, and their totals."""
    days = queries.sales_per_day(
        connection=connection, event_ids=visible, first=sales.first_day(today), last=today
    )
    return sales.shown(days, today=today)
