"""
The admin's pages of events, and of what belongs to one, limited to the events that a reader may see.

It holds for every model with a field `event` that any app registers, so a new one cannot be forgotten. The
ETL's runs and rejected rows have no such field and are about every event: a limited reader sees none of them,
as they do not see the report of ETL runs. The other apps know nothing of it.
"""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics import limits
from analytics.models import Event
from reports import access

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = object


class VisibleEventsFilter(admin.RelatedFieldListFilter):
    """The list's filter by event, which offers visible events only."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        choices = super().field_choices(field, request, model_admin)
        visible = access.visible_events(request.user)
        return choices if visible is None else [choice for choice in choices if choice[0] in visible]


class OfVisibleEvents(ModelAdmin):
    """A page of rows with an `event_id`: those of events that the reader may not see are left out."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request)
        visible = access.visible_events(request.user)
        return rows if visible is None else rows.filter(event_id__in=visible)

    def get_list_filter(self, request: HttpRequest) -> Any:
        filters = super().get_list_filter(request)
        return [(each, VisibleEventsFilter) if each == "event" else each for each in filters]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        visible = access.visible_events(request.user)
        if db_field.related_model is Event and visible is not None:
            options["queryset"] = Event.objects.filter(event_id__in=visible)
        return super().formfield_for_foreignkey(db_field, request, **options)


class OfAllEvents(ModelAdmin):
    """A page of rows that are about every event: empty for a reader who may see some events only."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows if access.visible_events(request.user) is None else rows.none()


class WithNumbers(OfVisibleEvents):
    """The list of events, each with a link to its numbers."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return None also for an id that no event can have: Postgres could not even compare it."""
        is_possible = limits.is_storable(object_id, length=limits.EVENT_ID)
        return super().get_object(request, object_id, from_field) if is_possible else None

    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "numbers")

    @admin.display(description="now")
    def numbers(self, event: Event) -> SafeString:
        address = reverse("event-page", args=[quote(event.event_id)])
        return format_html('<a class="text-link" href="{}">Gates and numbers</a>', address)


def limit_to_visible_events(site: admin.AdminSite) -> None:
    """Replace each registered page of a model that is about events by one that is limited to visible ones."""
    for model in filter(site.is_registered, apps.get_models()):
        page = site.get_model_admin(model)
        limited = _limited(page)
        if limited is not None:
            site.unregister(model)
            site.register(model, type(f"Limited{type(page).__name__}", (limited, type(page)), {}))


def _limited(page: admin.ModelAdmin[Any]) -> type[ModelAdmin] | None:
    """Return what limits a page; None when its model is not about events."""
    if page.model is Event:
        return WithNumbers
    if any(field.name in {"event", "event_id"} for field in page.opts.get_fields()):
        return OfVisibleEvents
    return OfAllEvents if page.opts.app_label == "etl" else None
