"""
One report's page: its progress, then its result, and what can be done with it.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from reports import access, permissions
from reports.catalogue import REPORTS, Kind, UnreadableParameters, parameters_from_json
from reports.catalogue.contract import Parameters
from reports.making.preview import Preview
from reports.models import GeneratedReport, ReportState
from reports.pages import display
from reports.pages.progress import progress

_NUMBERS = (Kind.INTEGER, Kind.MONEY, Kind.SHARE)


def report_page(request: HttpRequest, generated: GeneratedReport) -> HttpResponse:
    """Show a report that the reader may see."""
    now = timezone.now()
    current = progress(generated, now=now)
    context = {
        **admin.site.each_context(request),
        "title": display.title(generated.report),
        "generated": generated,
        "report": REPORTS.get(generated.report),
        "progress": current,
        "duration": display.seconds(generated.duration_seconds),
        "is_made": current["state"] == ReportState.MADE,
        **_asked(generated),
        **_result(generated),
        **_actions(request, generated),
    }
    return TemplateResponse(request, "reports/report.html", context)


def _asked(generated: GeneratedReport) -> dict[str, Any]:
    """Return the parameters as text, and the address of the form filled in with them."""
    form = reverse("admin:reports_generatedreport_add")
    try:
        asked = parameters_from_json(generated.parameters)
    except UnreadableParameters:
        return {"period": display.UNREADABLE, "events": [], "like_url": form}
    names = display.names_of_events([generated])
    return {
        "period": display.period(asked.start, asked.end),
        "events": [names.get(each) or each for each in asked.event_ids or ()],
        "like_url": f"{form}?{_query(generated, asked)}",
    }


def _query(generated: GeneratedReport, asked: Parameters) -> str:
    chosen = {"report": generated.report, "format": generated.format}
    days = {"start": asked.start, "last": asked.last_day}
    return urlencode({**chosen, **days, "events": asked.event_ids or ()}, doseq=True)


def _result(generated: GeneratedReport) -> dict[str, Any]:
    """Return the preview, each column with whether it holds numbers."""
    preview = Preview.from_json(generated.preview)
    kinds = (
        [column.kind for column in REPORTS[generated.report].columns] if generated.report in REPORTS else []
    )
    is_known = len(kinds) == len(preview.columns)
    are_numbers = [kind in _NUMBERS for kind in kinds] if is_known else [False] * len(preview.columns)
    return {
        "figures": [(label, display.amount(value)) for label, value in preview.figures],
        "columns": list(zip(preview.columns, are_numbers, strict=True)),
        "rows": [list(zip(row, are_numbers, strict=True)) for row in preview.rows],
    }


def _actions(request: HttpRequest, generated: GeneratedReport) -> dict[str, Any]:
    return {
        "may_download": access.may_download(request.user, generated.report),
        "may_make_again": access.may_generate(request.user, generated.report),
        "may_delete": request.user.has_perm(permissions.DELETE),
    }
