"""
The permissions of reports: to view, to generate and to download, one of each for every report.

VIEW opens the pages of reports at all; which reports they show is asked of each. They belong to the database:
a report that joins the catalogue joins SLUGS, and `makemigrations` does the rest.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

APP = "reports"
VIEW = f"{APP}.view_generatedreport"
DELETE = f"{APP}.delete_generatedreport"

SLUGS = (
    "daily-sales",
    "sales-by-event",
    "gate-activity",
    "refused-scans",
    "duplicates",
    "transfers",
    "reconciliation",
    "etl-runs",
)


def to_view(slug: str) -> str:
    """Return the permission to see a report's figures and first rows, such as "reports.view_daily_sales"."""
    return f"{APP}.{_codename('view', slug)}"


def to_generate(slug: str) -> str:
    """Return the permission to make a report, such as "reports.generate_daily_sales"."""
    return f"{APP}.{_codename('generate', slug)}"


def to_download(slug: str) -> str:
    """Return the permission to take a report's file, such as "reports.download_daily_sales"."""
    return f"{APP}.{_codename('download', slug)}"


def of_reports() -> "list[tuple[str, str | StrPromise]]":
    """Return `Meta.permissions`: codename and name of each report's permissions."""
    verbs = ("view", "generate", "download")
    return [
        (_codename(verb, slug), f"Can {verb} {slug.replace('-', ' ')}") for slug in SLUGS for verb in verbs
    ]


def _codename(verb: str, slug: str) -> str:
    return f"{verb}_{slug.replace('-', '_')}"
