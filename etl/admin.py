"""
The ETL in the admin: runs, rejected rows with their retry, and the summaries. Nothing is edited by hand.
"""

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from analytics.model_admin import ReadOnlyAdmin
from etl.lease import LeaseHeld, LeaseLost
from etl.maintenance import retry
from etl.models import DailyTicketSales, EventSalesSummary, RejectedRow, Run
from etl.sources import SourceFailed


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "source",
        "mode",
        "outcome",
        "started_at",
        "duration",
        "read_count",
        "inserted_count",
        "updated_count",
        "unchanged_count",
        "rejected_count",
    )
    list_filter = ("outcome", "started_at")
    search_fields = ("=source",)
    readonly_fields = ("duration",)

    @admin.display(description="seconds")
    def duration(self, run: Run) -> str:
        """Return how long the run took; "" while it runs."""
        return "" if run.duration_seconds is None else f"{run.duration_seconds:,.1f}"


class ResolvedFilter(admin.SimpleListFilter):
    """Rows that are still rejected, or those that were loaded after all."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "still rejected"), ("resolved", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(resolved_at__isnull=chosen == "open")


@admin.register(RejectedRow)
class RejectedRowAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "source",
        "endpoint",
        "upstream_id",
        "field",
        "reason",
        "run_link",
        "seen_count",
        "last_rejected_at",
        "resolved_at",
    )
    list_filter = (ResolvedFilter, "endpoint", "last_rejected_at")
    search_fields = ("=upstream_id", "=field", "=source")
    # Not the payload as it is stored, on one line, but shown below.
    exclude = ("payload", "payload_hash", "run")
    readonly_fields = ("run_link", "payload_shown")
    actions = ("retry_selected",)

    @admin.display(description="run", ordering="run_id")
    def run_link(self, row: RejectedRow) -> str:
        """Link to the run that rejected the row last; the run itself is not read for it."""
        if row.run_id is None:
            return ""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:etl_run_change", args=[row.run_id]), row.run_id
        )

    @admin.display(description="payload")
    def payload_shown(self, row: RejectedRow) -> str:
        """Show what the source sent, indented."""
        return format_html("<pre>{}</pre>", json.dumps(row.payload, indent=2, ensure_ascii=False))

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whoever may change rejected rows may retry them; there is no form to change them by hand."""
        codename = get_permission_codename("change", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    @admin.action(description="Retry selected rejected rows", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[RejectedRow]) -> None:
        """Read the selected rows again, and say how many could be loaded."""
        ids = list(queryset.values_list("id", flat=True))
        try:
            result = retry.retry(ids=ids, now=timezone.now())
        except (LeaseHeld, LeaseLost, SourceFailed) as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            level = messages.SUCCESS if result.is_complete else messages.WARNING
            self.message_user(request, str(result), level)


@admin.register(DailyTicketSales)
class DailyTicketSalesAdmin(ReadOnlyAdmin):
    list_display = (
        "event",
        "sale_date",
        "currency",
        "tickets_sold",
        "revenue",
        "row_count",
        "last_updated",
    )
    list_filter = ("sale_date", "currency")
    list_select_related = ("event",)
    search_fields = ("=event__event_id", "event__name")
    ordering = ("-sale_date", "event", "currency")


@admin.register(EventSalesSummary)
class EventSalesSummaryAdmin(ReadOnlyAdmin):
    list_display = (
        "event",
        "event_name",
        "currency",
        "total_tickets",
        "total_revenue",
        "row_count",
        "last_updated",
    )
    list_filter = ("currency", "last_updated")
    list_select_related = ("event",)
    search_fields = ("=event__event_id", "event_name")
    ordering = ("event", "currency")
