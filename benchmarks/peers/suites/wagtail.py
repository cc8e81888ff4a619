"""
The tests of Wagtail: a real application with much ORM, transactions, signals and search in Postgres.
"""

from collections.abc import Mapping, Sequence

from benchmarks.peers.sources import InstalledRelease
from benchmarks.peers.suite import Run, Suite
from benchmarks.peers.suites import django

# Its models, and what touches the database most. The pages of its admin would take six times as long.
LABELS = (
    "wagtail.contrib.search_promotions",
    "wagtail.contrib.simple_translation",
    "wagtail.documents",
    "wagtail.locales",
    "wagtail.sites",
    "wagtail.tests",
    "wagtail.users",
)


def _command(run: Run) -> Sequence[str]:
    settings = "--settings=benchmarks.peers.inside.wagtail_settings"
    return ["-m", "django", "test", settings, "--noinput", *(run.files or LABELS)]


def _environment(run: Run) -> Mapping[str, str]:
    return {**django.environment(run, "on"), "PEERS_MEDIA": str(run.scratch / "media")}


def _label_of(test: str) -> str:
    return next((label for label in LABELS if test.startswith(f"{label}.")), test)


SUITE = Suite(
    name="wagtail",
    title="Wagtail, a real Django application, with a pool",
    source=InstalledRelease("wagtail"),
    command=_command,
    environment=_environment,
    file_of=_label_of,
)
