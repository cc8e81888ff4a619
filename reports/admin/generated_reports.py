"""
The reports in the admin: the list of what was made, and the way to the pages of `reports.pages`.

Nothing is edited here: a report is requested, watched, downloaded, made again or deleted.
"""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analytics.model_admin import ModelAdmin
from reports import access, permissions, services
from reports.admin.report_list import ReportColumns, ReportFilter, ReportList
from reports.catalogue import UnknownReport, UnreadableParameters
from reports.models import GeneratedReport
from reports.pages import display
from reports.pages.new_report import address, new_report_page
from reports.pages.new_report_form import generable
from reports.pages.progress import progress
from reports.pages.report_page import report_page


@admin.register(GeneratedReport)
class GeneratedReportAdmin(ReportColumns, ModelAdmin):
    list_display = ("what", "of_what", "file_format", "how", "rows", "size", "took", "by_whom", "asked_at")
    list_display_links = ("what",)
    list_filter = ("state", ReportFilter, "format")
    list_select_related = ("requested_by",)
    list_per_page = 50
    list_before_template = "reports/_list_head.html"
    # Counting all reports, beside those that match, would cost a statement more.
    show_full_result_count = False
    # The list has a button that says what it does.
    show_add_link = False

    class Media:
        css = {"all": ("reports/reports.css",)}

    # Who may -----------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[GeneratedReport]:
        return access.visible_reports(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        # Only those request a report who could see it afterwards.
        return request.user.has_perm(permissions.VIEW) and bool(generable(request.user))

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    # Pages -------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = "<uuid:report_id>"
        return [
            path(f"{own}/progress.json", wrap(require_safe(self.progress)), name="report-progress"),
            path(f"{own}/again/", wrap(require_POST(self.make_again)), name="report-again"),
            *super().get_urls(),
        ]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ReportList]:
        return ReportList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "title": "Reports"})

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return new_report_page(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return report_page(request, self._visible(request, object_id))

    def progress(self, request: HttpRequest, report_id: UUID) -> HttpResponse:
        """Answer the progress of the report, as JSON."""
        current = progress(self._visible(request, report_id), now=timezone.now())
        return JsonResponse(current, headers={"Cache-Control": "no-store"})

    def make_again(self, request: HttpRequest, report_id: UUID) -> HttpResponse:
        """Request a report like this one, and redirect to its page."""
        generated = self._visible(request, report_id)
        try:
            again = services.make_again(user=request.user, generated=generated, now=timezone.now())
        except services.NotAllowed as error:
            raise PermissionDenied(str(error)) from None
        except (UnknownReport, UnreadableParameters):
            messages.error(request, "This report is of an earlier version: ask for a new one.")
            return HttpResponseRedirect(address(generated))
        messages.success(request, f"{display.title(again.report)} is being made again.")
        return HttpResponseRedirect(address(again))

    def _visible(self, request: HttpRequest, report_id: str | UUID) -> GeneratedReport:
        """
        Return a report that the reader may see.

        Raises:
            PermissionDenied: they may see no report at all.
            Http404: there is no such report, or it is of events that they may not see.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return self.get_queryset(request).select_related("requested_by", "schedule").get(pk=report_id)
        except (GeneratedReport.DoesNotExist, ValidationError):
            raise Http404 from None

    # Deleting ----------------------------------------------------------------------------------------------

    def delete_model(self, request: HttpRequest, obj: GeneratedReport) -> None:
        services.delete(user=request.user, generated=obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        """Redirect to the list; Django does so only for those who may change reports, which nobody may."""
        super().response_delete(request, obj_display, obj_id)
        return HttpResponseRedirect(reverse("admin:reports_generatedreport_changelist"))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[GeneratedReport]) -> None:
        for generated in queryset:
            services.delete(user=request.user, generated=generated)
