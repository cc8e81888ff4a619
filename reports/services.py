"""
What staff do with reports: request one, have it made again, delete it.

A report is never made here: a request puts it into the queue, and `manage.py report_worker` makes it.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from core import db
from reports import access, permissions, store
from reports.access import NotAllowed
from reports.catalogue import Parameters, find, parameters_from_json, parameters_to_json
from reports.data_version import data_version
from reports.jobs import tasks
from reports.models import FileFormat, GeneratedReport, Schedule

__all__ = ["NotAllowed", "delete", "make_again", "queue_report", "request_report"]


def request_report(
    *, user: Any, slug: str, parameters: Parameters, file_format: FileFormat, now: datetime
) -> GeneratedReport:
    """
    Return a stored report of unchanged data, or queue a new one.

    Raises:
        UnknownReport: there is no such report.
        NotAllowed: `user` may not have it made, or not of these events.
    """
    allowed = allowed_parameters(user=user, slug=slug, parameters=parameters)
    version = _current_version(slug, allowed)
    stored = store.reusable(
        slug=slug, parameters=allowed, file_format=file_format, data_version=version, now=now
    )
    return stored or queue_report(user=user, slug=slug, parameters=allowed, file_format=file_format, now=now)


def make_again(*, user: Any, generated: GeneratedReport, now: datetime) -> GeneratedReport:
    """
    Queue a new report like `generated`, whether or not its data changed, and leave the old one.

    Raises:
        UnknownReport, UnreadableParameters: it is of an earlier version of the catalogue.
        NotAllowed: `user` may not have it made, or not of these events.
    """
    parameters = parameters_from_json(generated.parameters)
    allowed = allowed_parameters(user=user, slug=generated.report, parameters=parameters)
    return queue_report(
        user=user,
        slug=generated.report,
        parameters=allowed,
        file_format=FileFormat(generated.format),
        now=now,
    )


def delete(*, user: Any, generated: GeneratedReport) -> None:
    """
    Delete a report and its file; its downloads stay on record. A worker that makes it stops.

    Raises:
        NotAllowed: `user` may not delete reports, or not see this one.
    """
    is_visible = access.visible_reports(user).filter(pk=generated.pk).exists()
    if not user.has_perm(permissions.DELETE) or not is_visible:
        raise NotAllowed(
            f"{user} may not delete this report: it takes {permissions.DELETE}, "
            f"{permissions.to_view(generated.report)} and its events"
        )
    name = generated.file_name
    with transaction.atomic():
        generated.delete()
        # The row first: a file without a row is found by report_expire, a row without a file misleads.
        transaction.on_commit(lambda: store.delete_file(name))


def allowed_parameters(*, user: Any, slug: str, parameters: Parameters) -> Parameters:
    """
    Return `parameters` as far as `user` may have the report made of them.

    Raises:
        UnknownReport, NotAllowed: as `request_report`.
    """
    find(slug)
    if not access.may_generate(user, slug):
        raise NotAllowed(f"{user} may not make {slug}: it takes {permissions.to_generate(slug)}")
    return access.narrow(user, parameters)


def queue_report(
    *,
    user: Any,
    slug: str,
    parameters: Parameters,
    file_format: FileFormat,
    now: datetime,
    schedule: Schedule | None = None,
) -> GeneratedReport:
    """Queue a report of parameters that were allowed. Its row and its task are committed together."""
    with transaction.atomic():
        generated = GeneratedReport.objects.create(
            report=slug,
            parameters=parameters_to_json(parameters),
            format=file_format,
            requested_by=user,
            requested_at=now,
            schedule=schedule,
        )
        tasks.enqueue(generated)
    return generated


def _current_version(slug: str, parameters: Parameters) -> str:
    """
    Return the version of the data as it is now.

    READ COMMITTED suffices: a change while it is read might as well have come afterwards.
    """
    with db.get_engine().connect() as connection:
        return data_version(connection, find(slug), parameters)
