"""
The columns of the list of reports, as text. The names of their events take one statement more.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.views import ChangeList as UnfoldsChangeList

from reports import access
from reports.catalogue import REPORTS
from reports.models import FileFormat, GeneratedReport
from reports.pages import display

if TYPE_CHECKING:
    # unfold ships no types; its classes are Django's with another look.
    from django.contrib.admin.views.main import ChangeList as DjangosChangeList

    ChangeList = DjangosChangeList
else:
    ChangeList = UnfoldsChangeList


class ReportList(ChangeList):
    """A page of reports, each with the names of its events."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        names = display.names_of_events(self.result_list)
        for generated in self.result_list:
            generated.period_and_events = display.parameters(generated, names)


class ReportFilter(admin.SimpleListFilter):
    """A filter by report, which offers the titles of those that the reader may see."""

    title = "report"
    parameter_name = "report"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(slug, REPORTS[slug].title) for slug in access.viewable(request.user)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(report=self.value()) if self.value() else queryset


class ReportColumns:
    """What the list shows of a report: "" where there is nothing to show yet."""

    @admin.display(description="report", ordering="report")
    def what(self, generated: GeneratedReport) -> str:
        return display.title(generated.report)

    @admin.display(description="period and events")
    def of_what(self, generated: Any) -> str:
        text: str = generated.period_and_events
        return text

    @admin.display(description="format", ordering="format")
    def file_format(self, generated: GeneratedReport) -> str:
        return FileFormat(generated.format).name.replace("_BOM", ", BOM")

    @admin.display(description="state", ordering="state")
    def how(self, generated: GeneratedReport) -> SafeString:
        return display.badge(display.state(generated, now=timezone.now()))

    @admin.display(description="rows", ordering="row_count")
    def rows(self, generated: GeneratedReport) -> str:
        return f"{generated.row_count:,}"

    @admin.display(description="size", ordering="size_bytes")
    def size(self, generated: GeneratedReport) -> str:
        return "" if generated.size_bytes is None else filesizeformat(generated.size_bytes)

    @admin.display(description="took")
    def took(self, generated: GeneratedReport) -> str:
        return display.seconds(generated.duration_seconds)

    @admin.display(description="by", ordering="requested_by__username")
    def by_whom(self, generated: GeneratedReport) -> str:
        who = str(generated.requested_by or "")
        return f"{who} (schedule)".strip() if generated.schedule_id else who

    @admin.display(description="asked for", ordering="requested_at")
    def asked_at(self, generated: GeneratedReport) -> Any:
        return generated.requested_at
