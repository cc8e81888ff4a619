"""
The form that requests a report: which one, of which days and events, in which format.

It offers only what its user may have made, and says beside each field what is wrong and how to cure it.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, cast

from django import forms
from django.forms.boundfield import BoundWidget

from reports import access
from reports.catalogue import REPORTS, Parameters, Report
from reports.models import FileFormat
from reports.pages import event_choices

# Nobody means a day beyond them; and the day after the last one must exist, too.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)

FORMATS: Mapping[FileFormat, str] = MappingProxyType(
    {
        FileFormat.XLSX: "Excel and other spreadsheets: real numbers and dates, filters, totals",
        FileFormat.PDF: "To print or send: a summary with a chart, then at most 5,000 rows",
        FileFormat.CSV: "Every row as plain text, for scripts and databases",
        FileFormat.CSV_BOM: "The same, with a mark by which Excel recognises accents",
        FileFormat.JSON: "Every row and the summary, for programs",
    }
)


def generable(user: Any) -> list[Report]:
    """Return the reports that `user` may have made, in the catalogue's order."""
    return [report for report in REPORTS.values() if access.may_generate(user, report.slug)]


class DayInput(forms.DateInput):
    """The browser's own picker of a day; it sends ISO dates whatever it shows."""

    input_type = "date"

    def __init__(self) -> None:
        bounds = {"min": FIRST_DAY.isoformat(), "max": LAST_DAY.isoformat()}
        super().__init__(attrs=bounds, format="%Y-%m-%d")


class NewReportForm(forms.Form):
    report = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose a report.",
            "invalid_choice": "%(value)s is no report that you may have made: choose one of these.",
        },
    )
    start = forms.DateField(
        label="First day",
        widget=DayInput,
        error_messages={
            "required": "Choose the first day.",
            "invalid": "This is no day: use the form 2025-06-01.",
        },
    )
    last = forms.DateField(
        label="Last day",
        widget=DayInput,
        error_messages={
            "required": "Choose the last day; for a single day, the same.",
            "invalid": "This is no day: use the form 2025-06-01.",
        },
    )
    events = event_choices.EventsField(required=False, widget=forms.CheckboxSelectMultiple)
    format = forms.ChoiceField(
        choices=[(each.value, each.label) for each in FORMATS],
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose a format.",
            "invalid_choice": "%(value)s is none of the formats: choose one of these.",
        },
    )

    def __init__(self, *args: Any, user: Any, wanted_events: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reports = generable(user)
        # Not the browser's own messages about a missing choice: ours say what to do.
        self.use_required_attribute = False
        self._choices("report", [(report.slug, report.title) for report in self.reports])
        self._choices("events", event_choices.choosable(user, also=wanted_events))

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = choices

    def report_options(self) -> Iterator[tuple[BoundWidget, Report]]:
        """Return each report's radio button with its report."""
        return zip(self["report"], self.reports, strict=True)

    def format_options(self) -> Iterator[tuple[BoundWidget, str]]:
        """Return each format's radio button with what it is good for."""
        return zip(self["format"], FORMATS.values(), strict=True)

    def clean_start(self) -> date:
        return self._day("start")

    def clean_last(self) -> date:
        return self._day("last")

    def _day(self, name: str) -> date:
        day: date = self.cleaned_data[name]
        if not FIRST_DAY <= day <= LAST_DAY:
            raise forms.ValidationError(
                f"{day.isoformat()} is out of reach: choose a day from {FIRST_DAY} to {LAST_DAY}."
            )
        return day

    def clean(self) -> None:
        start, last = self.cleaned_data.get("start"), self.cleaned_data.get("last")
        if start and last and last < start:
            self.add_error("last", f"{last} is before the first day, {start}: swap them.")

    def parameters(self) -> Parameters:
        """Return what was asked for; only after `is_valid`."""
        chosen = self.cleaned_data
        is_about_events = REPORTS[chosen["report"]].is_about_events
        return Parameters(
            start=chosen["start"],
            end=chosen["last"] + timedelta(days=1),
            event_ids=tuple(chosen["events"]) or None if is_about_events else None,
        )
