"""
The ticket lookup: what happened to one ticket, from its sale to its last scan.
"""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics import limits
from core import db
from reports import access, queries
from reports.dashboard.event_page import MAY_NAME_TICKETS


@require_safe
def ticket_page(request: HttpRequest) -> HttpResponse:
    """Show the history of the ticket in `?ticket_id=`, of the events that the reader may see."""
    if not request.user.has_perm(MAY_NAME_TICKETS):
        raise PermissionDenied
    ticket_id = request.GET.get("ticket_id", "").strip()
    context = {"ticket_id": ticket_id, **_history(request, ticket_id)}
    return render(
        request,
        "reports/ticket.html",
        {
            **admin.site.each_context(request),
            **context,
            "title": f"Ticket {ticket_id}" if ticket_id else "Find a ticket",
        },
    )


def _history(request: HttpRequest, ticket_id: str) -> dict[str, Any]:
    if not limits.is_storable(ticket_id, length=limits.TICKET_ID):
        return {"history": None}
    visible = access.visible_events(request.user)
    with db.get_engine().connect() as connection:
        facts = queries.ticket_history(connection=connection, ticket_id=ticket_id, event_ids=visible)
    return {"history": facts, "admission": next((each for each in facts if each.outcome == "admitted"), None)}
