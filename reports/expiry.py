"""
What is too old: files of reports past their time, files that no report names, and tasks that ended long ago.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django_tasks_db.models import DBTaskResult

from reports import store
from reports.jobs import tasks
from reports.models import GeneratedReport, ReportState

# A file is stored a moment before its row names it.
ORPHAN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """How many of each were deleted; in a dry run, would be."""

    reports: int
    orphans: int
    tasks: int


def expire(*, now: datetime, is_dry_run: bool = False) -> Expired:
    """Delete what is too old at `now`; the reports' rows stay, in the state `expired`."""
    due = GeneratedReport.objects.filter(state=ReportState.MADE, expires_at__lte=now)
    old_tasks = DBTaskResult.objects.finished().filter(
        queue_name=tasks.QUEUE, finished_at__lte=now - timedelta(days=settings.REPORT_KEEP_DAYS)
    )
    orphans, left = _orphans(now), _left_by_killed_workers(now)
    files = len(orphans) + len(left)
    if is_dry_run:
        return Expired(reports=due.count(), orphans=files, tasks=old_tasks.count())
    reports = sum(_expire_one(generated) for generated in list(due))
    for name in orphans:
        store.delete_file(name)
    for path in left:
        store.remove_left(path)
    return Expired(reports=reports, orphans=files, tasks=old_tasks.delete()[0])


def _expire_one(generated: GeneratedReport) -> bool:
    same = GeneratedReport.objects.filter(pk=generated.pk, state=ReportState.MADE)
    # The row first: no page leads to a file that is gone. A crash in between leaves an orphan for next time.
    changed = same.update(state=ReportState.EXPIRED, file_name="", delivery_due_at=None)
    if changed:
        store.delete_file(generated.file_name)
    return bool(changed)


def _orphans(now: datetime) -> list[str]:
    """Return the stored files that no report names, a day after they came."""
    storage = store.storage()
    named = set(GeneratedReport.objects.exclude(file_name="").values_list("file_name", flat=True))
    names = storage.listdir("")[1] if storage.exists("") else []
    unnamed = [name for name in names if name not in named]
    return [name for name in unnamed if storage.get_modified_time(name) < now - ORPHAN_AFTER]


def _left_by_killed_workers(now: datetime) -> list[Path]:
    """Return the files in the making, and folders of their parts, that nobody has written to for a day."""
    before = (now - ORPHAN_AFTER).timestamp()
    return [path for path in store.working_folder().iterdir() if path.stat().st_mtime < before]
