"""
What a member of staff may see. Pages, reports, schedules and files ask this module, and nothing else decides.

Two things limit a user: Django's permissions, for each report, and EventAccess rows, for each event. An
inactive user may do nothing.
"""

from dataclasses import replace
from typing import Any

from django.db.models import QuerySet

from reports import permissions
from reports.catalogue import REPORTS, Parameters, UnreadableParameters, parameters_from_json
from reports.models import EventAccess, GeneratedReport


class NotAllowed(PermissionError):
    """A user may not do something; the message says which permission or which event is missing."""


def visible_events(user: Any) -> tuple[str, ...] | None:
    """
    Return the ids of the only events that `user` may see, sorted; None where nothing limits them.

    A superuser, and a user without any EventAccess, is not limited. At most one statement.
    """
    if not user.is_active:
        return ()
    if user.is_superuser:
        return None
    accesses = EventAccess.objects.filter(user_id=user.pk).order_by("event_id")
    return tuple(accesses.values_list("event_id", flat=True)) or None


def viewable(user: Any) -> list[str]:
    """
    Return the reports of which `user` may see the figures and first rows, in the catalogue's order.

    Those who may generate or download a report may see it without a further permission.
    """
    if not user.has_perm(permissions.VIEW):
        return []
    return [slug for slug in REPORTS if _has_any(user, slug) and _is_within_reach(user, slug)]


def _has_any(user: Any, slug: str) -> bool:
    verbs = (permissions.to_view, permissions.to_generate, permissions.to_download)
    return any(user.has_perm(verb(slug)) for verb in verbs)


def may_generate(user: Any, slug: str) -> bool:
    """Return whether `user` may have the report `slug` made, of some events at least."""
    return user.has_perm(permissions.to_generate(slug)) and _is_within_reach(user, slug)


def may_download(user: Any, slug: str) -> bool:
    """Return whether `user` may download files of the report `slug`, of some events at least."""
    return user.has_perm(permissions.to_download(slug)) and _is_within_reach(user, slug)


def _is_within_reach(user: Any, slug: str) -> bool:
    """A report that cannot be narrowed to events is only for those who may see all of them."""
    report = REPORTS.get(slug)
    return report is not None and (report.is_about_events or visible_events(user) is None)


def narrow(user: Any, parameters: Parameters) -> Parameters:
    """
    Return `parameters` within the events that `user` may see, their ids sorted; all of those for "all".

    Raises:
        NotAllowed: an event is named that they may not see.
    """
    visible, wanted = visible_events(user), parameters.event_ids
    if wanted is None:
        return replace(parameters, event_ids=visible)
    beyond = sorted(set(wanted) - set(wanted if visible is None else visible))
    if beyond:
        raise NotAllowed(
            f"{user} may not see {', '.join(beyond)}: choose among {', '.join(visible or ()) or 'none'}, "
            "or ask for an event access"
        )
    return replace(parameters, event_ids=tuple(sorted(set(wanted))))


def covers(user: Any, generated: GeneratedReport) -> bool:
    """Return whether every event of a stored report is one that `user` may see."""
    visible = visible_events(user)
    if visible is None:
        return True
    try:
        event_ids = parameters_from_json(generated.parameters).event_ids
    except UnreadableParameters:
        return False
    return event_ids is not None and set(event_ids) <= set(visible)


def visible_reports(user: Any) -> QuerySet[GeneratedReport]:
    """
    Return the stored reports that `user` may see, newest first; none without the permission to view.

    Those that left the catalogue have no permission any more: only superusers see them.
    """
    if user.is_superuser and user.is_active:
        return GeneratedReport.objects.all()
    reports = GeneratedReport.objects.filter(report__in=viewable(user))
    visible = visible_events(user)
    # "All events" is stored as null, which no list contains.
    return reports if visible is None else reports.filter(parameters__event_ids__contained_by=list(visible))
