"""
One event's page: its numbers now, its gates hour by hour, its sales, and who never came.
"""

import re
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics import limits
from core import db
from reports import access, queries
from reports.dashboard import heatmap, numbers, sales
from reports.dashboard.night import Night, asked_day, night_of, zone_of
from reports.queries.no_shows import PAGE_LENGTH

MAY_NAME_TICKETS = "analytics.view_scan"


@require_safe
def event_page(request: HttpRequest, quoted_id: str) -> HttpResponse:
    """
    Show one event; 404 when it does not exist or the reader may not see it.

    `?night=2026-07-01` chooses the night of the heatmap and of the refusals, `?page=2` the page of the
    no-shows. A value that is neither is ignored.
    """
    visible_event_or_404(request, unquote(quoted_id))
    found = _numbers(request, unquote(quoted_id))
    context = {
        **admin.site.each_context(request),
        **found,
        # The page's own night, also where none was asked for: what is refreshed stays beside its heading.
        "live_url": f"{reverse('event-live', args=[quoted_id])}?night={found['night'].day}",
        "quoted_id": quoted_id,
    }
    return render(request, "reports/event.html", context)


def visible_event_or_404(request: HttpRequest, event_id: str) -> None:
    """
    Make sure that the reader may see the event, before anything about it is answered.

    Raises:
        Http404: they may not see it, nor learn whether it exists. Or no event can have such an id: Postgres
            could not even compare it.
    """
    if not limits.is_storable(event_id, length=limits.EVENT_ID):
        raise Http404
    visible = access.visible_events(request.user)
    if visible is not None and event_id not in visible:
        raise Http404


def _numbers(request: HttpRequest, event_id: str) -> dict[str, Any]:
    now = timezone.now()
    # Asked before a connection is borrowed: Django would need another one for the answer.
    may_see_sales, may_name_tickets = map(request.user.has_perm, (sales.MAY_SEE_SALES, MAY_NAME_TICKETS))
    with db.get_engine().connect() as connection:
        asked = asked_day(request.GET.get("night", ""))
        live = numbers.of_event(connection=connection, now=now, event_id=event_id, asked=asked)
        if live is None:
            raise Http404
        event = live["events"][0]
        return {
            "title": event["name"],
            "event": event,
            "live": live,
            **_gates(
                connection, event, night_of(date.fromisoformat(live["night"]), zone_of(event["timezone"]))
            ),
            **(_sales(connection, event_id, now.date()) if may_see_sales else {}),
            # Its rows name tickets, so not everybody sees them.
            **(_no_shows(connection, event_id, request) if may_name_tickets else {"no_shows": None}),
        }


def _gates(connection: sa.Connection, event: dict[str, Any], night: Night) -> dict[str, Any]:
    hours = queries.scans_per_gate_and_hour(
        connection=connection, event_id=event["event_id"], start=night.start, end=night.end
    )
    return {
        "night": night,
        "previous_night": night.day - timedelta(days=1),
        "next_night": night.day + timedelta(days=1),
        "gates": heatmap.gate_rows(hours, hour_count=len(night.hours)),
    }


def _sales(connection: sa.Connection, event_id: str, today: date) -> dict[str, Any]:
    days = queries.sales_per_day(connection=connection, event_ids=[event_id])
    return sales.shown(days, today=today)


def _no_shows(connection: sa.Connection, event_id: str, request: HttpRequest) -> dict[str, Any]:
    """Return the page that was asked for."""
    asked = request.GET.get("page", "1")
    # Six digits at most: nobody means a page beyond a million.
    page = max(1, int(asked)) if re.fullmatch(r"[0-9]{1,6}", asked) else 1
    found = queries.tickets_that_never_came(connection=connection, event_id=event_id, page=page)
    has_more = found.total > page * PAGE_LENGTH
    return {"no_shows": found, "page": page, "page_length": PAGE_LENGTH, "has_more": has_more}
