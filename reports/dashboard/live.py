"""
The numbers that a page asks for every few seconds.
"""

from typing import Any

from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from core import db
from reports import access
from reports.dashboard import numbers
from reports.dashboard.event_page import visible_event_or_404
from reports.dashboard.night import asked_day


@require_safe
def tonight(request: HttpRequest) -> JsonResponse:
    """Answer tonight's numbers of the events that the reader may see."""
    visible = access.visible_events(request.user)
    with db.get_engine().connect() as connection:
        return _answer(numbers.tonight(connection=connection, now=timezone.now(), event_ids=visible))


@require_safe
def one_event(request: HttpRequest, quoted_id: str) -> JsonResponse:
    """
    Answer one event's numbers; 404 when it does not exist or the reader may not see it.

    `?night=2026-07-01` chooses the night of the refusals, as on the event's page.
    """
    event_id = unquote(quoted_id)
    visible_event_or_404(request, event_id)
    with db.get_engine().connect() as connection:
        asked = asked_day(request.GET.get("night", ""))
        found = numbers.of_event(connection=connection, now=timezone.now(), event_id=event_id, asked=asked)
    if found is None:
        raise Http404
    return _answer(found)


def _answer(body: dict[str, Any]) -> JsonResponse:
    return JsonResponse(body, headers={"Cache-Control": "no-store"})
