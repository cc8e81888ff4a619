"""
How pages show reports: their periods, events, states, durations and amounts as text.

In the code the end of a period is excluded; on pages its last day is named.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.models import Event
from reports.catalogue import REPORTS, UnreadableParameters, parameters_from_json
from reports.formats.money import money_text
from reports.models import GeneratedReport, ReportState

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
UNREADABLE = "of an earlier version"
# Seconds; below, tenths are shown.
WITH_TENTHS = 10.0


def title(slug: str) -> str:
    """Return a report's title; the slug of one that left the catalogue."""
    return REPORTS[slug].title if slug in REPORTS else slug


def period(start: date, end: date) -> str:
    """Return a half-open period as its days: "1 June 2025", "1 to 7 June 2025", "28 June to 3 July 2025"."""
    last = end - timedelta(days=1)
    parts = [f"{last.day}", f"{last:%B}", f"{last.year}"]
    if start == last:
        return " ".join(parts)
    # Only as much of the first day as differs from the last one.
    same = 2 if (start.year, start.month) == (last.year, last.month) else int(start.year == last.year)
    first = [f"{start.day}", f"{start:%B}", f"{start.year}"][: 3 - same]
    return f"{' '.join(first)} to {' '.join(parts)}"


def events(event_ids: Iterable[str] | None, names: Mapping[str, str]) -> str:
    """Return "all events", the name of the only one, or how many; an id where it has no name."""
    if event_ids is None:
        return "all events"
    ids = list(event_ids)
    return (names.get(ids[0]) or ids[0]) if len(ids) == 1 else f"{len(ids)} events"


def parameters(generated: GeneratedReport, names: Mapping[str, str]) -> str:
    """Return a report's period and events, and UNREADABLE for one that an earlier version stored."""
    try:
        asked = parameters_from_json(generated.parameters)
    except UnreadableParameters:
        return UNREADABLE
    return f"{period(asked.start, asked.end)}, {events(asked.event_ids, names)}"


def names_of_events(reports: Iterable[GeneratedReport]) -> dict[str, str]:
    """Return the name of every event that `reports` are about, by id. At most one statement."""
    stored = [generated.parameters for generated in reports]
    ids = {each for one in stored if isinstance(one, dict) for each in one.get("event_ids") or ()}
    if not ids:
        return {}
    return dict(Event.objects.filter(pk__in=ids).values_list("event_id", "name"))


def state(generated: GeneratedReport, *, now: datetime) -> str:
    """Return the state as pages show it: a report past its time is expired, even while its file exists."""
    is_over = generated.expires_at is not None and generated.expires_at <= now
    if generated.state == ReportState.MADE and is_over:
        return str(ReportState.EXPIRED)
    return str(ReportState(generated.state))


def badge(name: str) -> SafeString:
    """Return a state as a coloured word; the colour only repeats the word."""
    return format_html('<span class="report-state report-state-{}">{}</span>', name, name.capitalize())


def seconds(duration: float | None) -> str:
    """Return "0.4 s", "12 s" or "3 min 20 s"; "" for None."""
    if duration is None:
        return ""
    if duration < WITH_TENTHS:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def amount(value: str) -> str:
    """Return a figure as people write it: "17514.5000 GBP" as "17,514.50 GBP"; other text as it is."""
    number, space, currency = value.partition(" ")
    if not _NUMBER.fullmatch(number):
        return value
    shown = money_text(Decimal(number)) if "." in number else f"{int(number):,}"
    return f"{shown}{space}{currency}"
