"""
`manage.py report_worker`: make the reports that staff and schedules ask for, until it is stopped.

SIGTERM, SIGINT or SIGHUP: a report in the making goes back to the queue, and the process ends with exit code
0.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from reports import worker
from reports.jobs import stopping


class Command(BaseCommand):
    help = "Make queued reports, run schedules, and deliver; several may run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then end")
        parser.add_argument(
            "--until-stdin-closes",
            action="store_true",
            help="stop when the process that started it is gone; for `serve --demo`",
        )

    def handle(self, *, once: bool, until_stdin_closes: bool, **options: Any) -> None:
        stopping.handle_signals()
        if until_stdin_closes:
            stopping.stop_when_stdin_closes()
        if once:
            worker.do_what_is_due(now=timezone.now())
        else:
            worker.run_until_stopped()
