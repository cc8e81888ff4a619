"""
The admin's pages: events and gates are maintained, facts and counters are read only.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.paginator import InfinitePaginator

from analytics.model_admin import ModelAdmin, ReadOnlyAdmin, TabularInline
from analytics.models import (
    COUNT_NAMES,
    Admission,
    Event,
    EventCounter,
    Gate,
    InvalidAttempt,
    Outcome,
    Scan,
    Transfer,
)


class GateInline(TabularInline):
    model = Gate
    extra = 0


@admin.register(Event)
class EventAdmin(ModelAdmin):
    list_display = ("event_id", "name", "starts_at", "ends_at", "timezone")
    search_fields = ("event_id", "name")
    inlines = (GateInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> tuple[str, ...]:
        """Return also the id of an event that exists: tickets that are sold carry it."""
        return ("created_at",) if obj is None else ("event_id", "created_at")


@admin.register(Gate)
class GateAdmin(ModelAdmin):
    list_display = ("name", "event")
    list_select_related = ("event",)
    search_fields = ("name",)
    autocomplete_fields = ("event",)


class FactAdmin(ReadOnlyAdmin):
    """Facts are read only: the services write them."""

    # Pages lead on to the next, not to the last, which only a count of all rows could name.
    paginator = InfinitePaginator
    list_select_related = ("event",)


class OfflineFilter(admin.SimpleListFilter):
    """What devices decided offline; in conflict is whom they let in, and we would not have."""

    title = "decided offline"
    parameter_name = "offline"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("conflict", "in conflict"), ("forced", "against its advice"), ("yes", "all")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Scan]) -> QuerySet[Scan]:
        """Return the scans of the choice."""
        if self.value() is None:
            return queryset
        chosen = queryset.filter(is_offline=True)
        if self.value() == "conflict":
            return chosen.exclude(outcome=Outcome.ADMITTED)
        return chosen.filter(is_forced=True) if self.value() == "forced" else chosen


@admin.register(Scan)
class ScanAdmin(FactAdmin):
    list_display = (
        "ticket_id",
        "event",
        "outcome",
        "reason",
        "gate",
        "scanner_id",
        "scanned_at",
        "received_at",
    )
    list_filter = ("outcome", OfflineFilter, "is_genuine", "received_at", "event")
    search_fields = ("=ticket_id",)
    ordering = ("-received_at", "-scan_id")


@admin.register(Admission)
class AdmissionAdmin(FactAdmin):
    list_display = ("ticket_id", "event", "gate", "scanner_id", "admitted_at")
    list_filter = ("admitted_at", "event")
    search_fields = ("=ticket_id",)
    ordering = ("-id",)


@admin.register(Transfer)
class TransferAdmin(FactAdmin):
    list_display = (
        "ticket_id",
        "event",
        "from_user",
        "to_user",
        "is_successful",
        "transferred_at",
        "received_at",
    )
    list_filter = ("is_successful", "received_at", "event")
    search_fields = ("=ticket_id", "=from_user", "=to_user")
    ordering = ("-received_at", "-transfer_id")


@admin.register(InvalidAttempt)
class InvalidAttemptAdmin(FactAdmin):
    list_display = ("ticket_id", "event", "reason", "gate", "scanner_id", "attempted_at", "received_at")
    list_filter = ("received_at", "event")
    search_fields = ("=ticket_id",)
    ordering = ("-received_at", "-attempt_id")


@admin.register(EventCounter)
class EventCounterAdmin(FactAdmin):
    list_display = ("event", "day", "shard", *COUNT_NAMES, "last_updated")
    list_filter = ("day", "event")
    ordering = ("event", "-day", "shard")
