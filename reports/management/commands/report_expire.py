"""`manage.py report_expire`: delete the files of old reports; run it daily."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from reports.expiry import expire
from reports.jobs.reaper import reap


class Command(BaseCommand):
    help = "Delete files of reports past REPORT_KEEP_DAYS, files without a report, and old tasks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        now = timezone.now()
        found = expire(now=now, is_dry_run=dry_run)
        verb = "would delete" if dry_run else "deleted"
        counts = (
            f"{found.reports} expired files, {found.orphans} files without a report, {found.tasks} old tasks"
        )
        self.stdout.write(f"{verb} {counts}")
        if not dry_run:
            # Where no worker runs at the moment, nothing else puts back or fails what dead workers left.
            reap(now=now)
