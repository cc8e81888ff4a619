"""
The permissions of reports: to view, to generate and to download, one of each for every report.

VIEW opens the pages of reports at all; which reports they show is asked of each. `manage.py migrate` creates
those of a report that joined the catalogue; it needs no migration.
"""

from typing import Any

from django.apps import apps as installed
from django.apps.registry import Apps

from reports.catalogue import REPORTS

APP = "reports"
VIEW = f"{APP}.view_generatedreport"
DELETE = f"{APP}.delete_generatedreport"
VERBS = ("view", "generate", "download")


def to_view(slug: str) -> str:
    """Return the permission to see a report's figures and first rows, such as "reports.view_daily_sales"."""
    return f"{APP}.{_codename('view', slug)}"


def to_generate(slug: str) -> str:
    """Return the permission to make a report, such as "reports.generate_daily_sales"."""
    return f"{APP}.{_codename('generate', slug)}"


def to_download(slug: str) -> str:
    """Return the permission to take a report's file, such as "reports.download_daily_sales"."""
    return f"{APP}.{_codename('download', slug)}"


def create_missing(*, using: str, apps: Apps = installed, **_signal: Any) -> None:
    """
    Create the permissions of the catalogue's reports that the database lacks; the others stay as they are.

    Called after `manage.py migrate`, as Django creates `Meta.permissions`. They do not stand there, because
    `Meta` is a part of the migrations: each new report would need one.

    `apps` has the models as the last migration left them; `flush` names none.
    """
    try:
        content_types = apps.get_model("contenttypes.ContentType")
        permissions = apps.get_model("auth.Permission")
        model = apps.get_model("reports.GeneratedReport")
    except LookupError:
        # The migrations went back to a time before these tables.
        return
    content_type = content_types.objects.db_manager(using).get_for_model(model, for_concrete_model=False)
    stored = permissions.objects.using(using)
    known = set(stored.filter(content_type=content_type).values_list("codename", flat=True))
    stored.bulk_create(
        permissions(content_type=content_type, codename=codename, name=name)
        for codename, name in _all()
        if codename not in known
    )


def _all() -> list[tuple[str, str]]:
    """Return codename and name of each permission, such as "view_daily_sales" and "Can view daily sales"."""
    return [
        (_codename(verb, slug), f"Can {verb} {slug.replace('-', ' ')}") for slug in REPORTS for verb in VERBS
    ]


def _codename(verb: str, slug: str) -> str:
    return f"{verb}_{slug.replace('-', '_')}"
