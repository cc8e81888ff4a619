"""
The page that requests a report; its form leads to the report's own page.

A stored report of unchanged data is served at once, and the page says so.
"""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from reports import services
from reports.models import FileFormat, GeneratedReport
from reports.pages.new_report_form import NewReportForm
from reports.pages.presets import presets

LAST_7_DAYS = 2


def new_report_page(request: HttpRequest) -> HttpResponse:
    """
    Show the form, or request the report and redirect to its page.

    `?report=&start=&last=&events=&format=` fills the form in; what it cannot read is left out.
    """
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        generated = _request(request, form)
        if generated is not None:
            return HttpResponseRedirect(address(generated))
    return TemplateResponse(request, "reports/new_report.html", _context(request, form))


def address(generated: GeneratedReport) -> str:
    """Return the address of a report's page."""
    return reverse("admin:reports_generatedreport_change", args=[generated.pk])


def _form(request: HttpRequest) -> NewReportForm:
    sent = request.POST if request.method == "POST" else request.GET
    wanted = sent.getlist("events")
    if request.method == "POST":
        return NewReportForm(request.POST, user=request.user, wanted_events=wanted)
    return NewReportForm(initial=_initial(request), user=request.user, wanted_events=wanted)


def _initial(request: HttpRequest) -> dict[str, Any]:
    week = presets(timezone.now().date())[LAST_7_DAYS]
    initial: dict[str, Any] = {"start": week.first, "last": week.last, "format": FileFormat.XLSX}
    given = {name: request.GET[name] for name in ("report", "start", "last", "format") if name in request.GET}
    return {**initial, **given, "events": request.GET.getlist("events")}


def _request(request: HttpRequest, form: NewReportForm) -> GeneratedReport | None:
    """Request the report; return None when that was refused, with the reason in the form."""
    now = timezone.now()
    try:
        generated = services.request_report(
            user=request.user,
            slug=form.cleaned_data["report"],
            parameters=form.parameters(),
            file_format=FileFormat(form.cleaned_data["format"]),
            now=now,
        )
    except services.NotAllowed as error:
        form.add_error(None, f"{error}.")
        return None
    if generated.requested_at != now and generated.finished_at is not None:
        age = timesince(generated.finished_at, now)
        messages.success(request, f"Served from store: made {age} ago, and nothing has changed since.")
    return generated


def _context(request: HttpRequest, form: NewReportForm) -> dict[str, Any]:
    today = timezone.now().date()
    return {
        **admin.site.each_context(request),
        "title": "New report",
        "form": form,
        "today": today,
        "presets": presets(today),
    }
