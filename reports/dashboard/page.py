"""
The dashboard, the admin's start page: what happens at the gates now, what was sold, how old the sales are.
"""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from core import db
from reports import access, queries
from reports.dashboard import numbers, sales


def add_numbers(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the start page's context with the numbers of the events that the reader may see."""
    now, visible = timezone.now(), access.visible_events(request.user)
    with db.get_engine().connect() as connection:
        tonight = numbers.tonight(connection=connection, now=now, event_ids=visible)
        start = sales.first_day(now.date())
        days = queries.sales_per_day(connection=connection, start=start, event_ids=visible)
        age = queries.age_of_the_data(connection=connection)
    return {
        **context,
        "title": "Tonight",
        "is_limited": visible is not None,
        "live": tonight,
        "live_url": reverse("live"),
        "sales_chart": sales.chart(days, today=now.date()),
        "sales_totals": sales.totals(days),
        "data_age": age,
    }
