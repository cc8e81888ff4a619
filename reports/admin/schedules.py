"""
Schedules in the admin: each member of staff has their own, and only superusers see those of others.

A schedule runs with its owner's permissions: anybody else who could change its recipients would get what they
may not see.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.model_admin import ModelAdmin
from reports import schedule_outcome
from reports.models import Cadence, Delivery, Schedule
from reports.pages import display
from reports.pages.schedule_form import WEEKDAYS, ScheduleForm, timezone_names
from reports.schedules import times

if TYPE_CHECKING:
    from django.forms import ModelForm


@admin.register(Schedule)
class ScheduleAdmin(ModelAdmin):
    form = ScheduleForm
    list_display = ("what", "when", "where", "owner", "standing", "last_run_at", "next_run_at")
    list_filter = ("is_active", "cadence", "delivery")
    list_select_related = ("owner",)
    show_full_result_count = False
    actions = ("switch_on",)
    fieldsets = (
        ("What", {"fields": ("report", "events", "format")}),
        ("When", {"fields": ("cadence", "weekday", "hour", "timezone")}),
        ("Where to", {"fields": ("delivery", "recipients", "folder")}),
        ("Whether", {"fields": ("is_active",)}),
    )
    # unfold shows a field while its condition holds.
    conditional_fields = {
        "weekday": "cadence == 'weekly'",
        "recipients": "delivery == 'email'",
        "folder": "delivery == 'folder'",
    }
    change_form_before_template = "reports/_schedule_head.html"

    class Media:
        css = {"all": ("reports/reports.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        schedules = super().get_queryset(request)
        return schedules if request.user.is_superuser else schedules.filter(owner_id=request.user.pk)

    def get_form(
        self,
        request: HttpRequest,
        obj: Schedule | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        made = super().get_form(request, obj, *args, **kwargs)
        return type("ScheduleFormOfUser", (made,), {"user": request.user})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {**(extra_context or {}), "timezones": timezone_names()}
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(
        self,
        request: HttpRequest,
        obj: Schedule,
        form: "ModelForm[Schedule]",
        change: bool,  # noqa: FBT001 - Django's own signature
    ) -> None:
        obj.parameters = {"event_ids": form.cleaned_data["events"] or None}
        # The worker would plan the same; here, so that the list shows it at once.
        obj.next_run_at = times.next_run(obj, after=timezone.now()) if obj.is_active else None
        if not change:
            obj.owner = request.user
            obj.save()
            return
        # Only what the form changes: a worker may be counting a failure at the same time.
        obj.save(update_fields=[*ScheduleForm.Meta.fields, "parameters", "next_run_at"])
        if obj.is_active and "is_active" in form.changed_data:
            schedule_outcome.record_success(obj.pk)

    @admin.action(description="Switch on again", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Switch the chosen schedules on again and reset their failures."""
        count = 0
        for schedule in queryset:
            schedule_outcome.switch_on(schedule)
            count += 1
        messages.success(request, f"Switched on: {count}. They run at their next time on the clock.")

    # Columns -----------------------------------------------------------------------------------------------

    @admin.display(description="report", ordering="report")
    def what(self, schedule: Schedule) -> str:
        return f"{display.title(schedule.report)} ({schedule.get_format_display()})"

    @admin.display(description="when")
    def when(self, schedule: Schedule) -> str:
        on = f"{WEEKDAYS[schedule.weekday]}s" if schedule.cadence == Cadence.WEEKLY else "daily"
        return f"{on} at {schedule.hour:02d}:00, {schedule.timezone}"

    @admin.display(description="to")
    def where(self, schedule: Schedule) -> str:
        return schedule.recipients if schedule.delivery == Delivery.EMAIL else f"folder {schedule.folder}"

    @admin.display(description="standing", ordering="failure_count")
    def standing(self, schedule: Schedule) -> SafeString:
        if not schedule.failure_count:
            return display.badge("active" if schedule.is_active else "off")
        # One that is off does not run again by itself, one that failed does.
        badge = display.badge("failed" if schedule.is_active else "off")
        failures = f"{schedule.failure_count} failure{'s' if schedule.failure_count > 1 else ''} in a row"
        return format_html('{} {}<p class="schedule-reason">{}</p>', badge, failures, schedule.last_error)
