"""
The form of a schedule: which report, when on which clock, to whom or into which folder.

It refuses what would fail when it runs. The owner's permissions are checked again at every run.
"""

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from unfold import widgets

from analytics import limits as analytics_limits
from reports import access
from reports.models import Cadence, Delivery, Schedule
from reports.pages import event_choices
from reports.pages.new_report_form import FORMATS, generable
from reports.schedules import folder, times

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Schedule]
else:
    ModelForm = forms.ModelForm

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class ScheduleForm(ModelForm):
    """`user` is set on a subclass for each request, as the admin makes forms."""

    user: Any = None

    report = forms.ChoiceField(
        widget=widgets.UnfoldAdminSelectWidget,
        help_text="Those that the schedule's owner may both make and download.",
    )
    events = event_choices.EventsField(
        required=False,
        widget=widgets.UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None means all that the owner may see when it runs.",
    )
    format = forms.ChoiceField(
        choices=[(each.value, each.label) for each in FORMATS], widget=widgets.UnfoldAdminSelectWidget
    )
    cadence = forms.ChoiceField(
        label="How often",
        choices=[
            (Cadence.DAILY, "Daily, about the day before"),
            (Cadence.WEEKLY, "Weekly, about the seven days before"),
        ],
        widget=widgets.UnfoldAdminSelectWidget,
    )
    weekday = forms.TypedChoiceField(
        coerce=int,
        choices=list(enumerate(WEEKDAYS)),
        required=False,
        empty_value="0",
        widget=widgets.UnfoldAdminSelectWidget,
        help_text="Counts for weekly ones only.",
    )
    hour = forms.TypedChoiceField(
        coerce=int,
        choices=[(hour, f"{hour:02d}:00") for hour in range(24)],
        initial=6,
        widget=widgets.UnfoldAdminSelectWidget,
        help_text="On the clock of the time zone.",
    )
    timezone = forms.CharField(
        label="Time zone",
        max_length=analytics_limits.TIMEZONE,
        initial="UTC",
        widget=widgets.UnfoldAdminTextInputWidget(attrs={"list": "timezones", "autocomplete": "off"}),
        help_text="Such as Europe/Warsaw. The report ends with the last day that is over in UTC, too.",
    )
    delivery = forms.ChoiceField(
        choices=[(Delivery.EMAIL, "By e-mail"), (Delivery.FOLDER, "Into a folder")],
        widget=widgets.UnfoldAdminSelectWidget,
    )
    recipients = forms.CharField(
        required=False,
        max_length=1_000,
        widget=widgets.UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="E-mail addresses, separated by commas. Whoever is named gets the file.",
    )
    folder = forms.CharField(
        required=False,
        max_length=200,
        widget=widgets.UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="The name of a folder in REPORT_FOLDER; it is made when it is missing.",
    )

    class Meta:
        model = Schedule
        fields = (
            "report",
            "format",
            "cadence",
            "weekday",
            "hour",
            "timezone",
            "delivery",
            "recipients",
            "folder",
            "is_active",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner = self.instance.owner if self.instance.pk else self.user
        chosen = (self.instance.parameters or {}).get("event_ids") or []
        if self.is_bound:
            chosen = self.data.getlist("events") if hasattr(self.data, "getlist") else chosen
        self.initial["events"] = chosen
        reports = [each for each in generable(owner) if access.may_download(owner, each.slug)]
        self._choices("report", [(report.slug, report.title) for report in reports])
        self._choices("events", event_choices.choosable(owner, also=chosen))

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        # A reader with the permission to view only gets no fields.
        field = self.fields.get(name)
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    def clean_timezone(self) -> str:
        name: str = self.cleaned_data["timezone"]
        try:
            times.zone(Schedule(timezone=name))
        except times.UnknownTimezone as error:
            raise ValidationError(f"{error}.") from None
        return name

    def clean_weekday(self) -> int:
        # Not sent for a daily one: then it is the field's empty value, "0".
        return int(self.cleaned_data["weekday"])

    def clean_recipients(self) -> str:
        addresses = [each.strip() for each in self.cleaned_data["recipients"].replace(";", ",").split(",")]
        for each in filter(None, addresses):
            try:
                validate_email(each)
            except ValidationError:
                raise ValidationError(f"{each!r} is no e-mail address: correct it or leave it out.") from None
        return ", ".join(dict.fromkeys(filter(None, addresses)))

    def clean_folder(self) -> str:
        name: str = self.cleaned_data["folder"]
        if name and not folder.is_plain(name):
            raise ValidationError(f"{name!r} is no folder's name: no slash, and no dot at the beginning.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        delivery = cleaned.get("delivery")
        if delivery == Delivery.EMAIL and not cleaned.get("recipients") and "recipients" not in self.errors:
            self.add_error("recipients", "Name at least one e-mail address.")
        if delivery == Delivery.FOLDER and "folder" not in self.errors:
            self._check_folder(cleaned.get("folder", ""))
        return cleaned

    def _check_folder(self, name: str) -> None:
        if not settings.REPORT_FOLDER:
            reason = "Delivery into folders is off here: REPORT_FOLDER is not set. Choose e-mail."
            self.add_error("delivery", reason)
        elif not name:
            self.add_error("folder", "Name the folder.")


def timezone_names() -> list[str]:
    """Return the names that a time zone may have, for the browser's suggestions."""
    places = [name for name in available_timezones() if "/" in name and not name.startswith("Etc/")]
    return [*sorted(places), "UTC"]
