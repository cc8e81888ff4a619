"""
The events that a form offers: those that its reader may see, the newest first.

Event ids are chosen here and checked here; `reports.access.narrow` checks them again where it counts.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import F, Q, QuerySet

from analytics.models import Event
from reports import access

# More would be too many to choose from. The form's address adds older ones: ?events=<id>.
LIST_LENGTH = 500


def choosable(user: Any, *, also: Iterable[str] = ()) -> list[tuple[str, str]]:
    """
    Return id and label of the LIST_LENGTH newest events that `user` may see, and of those in `also`.

    Events without a start come last, ties by id. Two statements at most, three with `also`.
    """
    visible = _visible(user)
    newest = list(visible.order_by(F("starts_at").desc(nulls_last=True), "event_id")[:LIST_LENGTH])
    listed = {event.pk for event in newest}
    missing = [each for each in also if each not in listed and "\0" not in each]
    rest = visible.filter(pk__in=missing).order_by("event_id") if missing else ()
    return [(event.pk, _label(event)) for event in (*newest, *rest)]


def _visible(user: Any) -> QuerySet[Event]:
    visible = access.visible_events(user)
    return Event.objects.filter(Q() if visible is None else Q(pk__in=visible))


def _label(event: Event) -> str:
    name = event.name or event.pk
    return f"{name}, {event.starts_at:%-d %b %Y}" if event.starts_at else name


class EventsField(forms.MultipleChoiceField):
    """Any number of events; none means all."""

    default_error_messages = {
        "invalid_choice": "%(value)s is no event that you may see: choose among those below.",
    }
