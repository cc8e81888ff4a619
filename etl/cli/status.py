"""`etl status`: the state of each source."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from etl import queries
from etl.cli import runs
from etl.cli.arguments import positive
from etl.cli.printer import Printer, as_text
from etl.models import Cursor
from etl.queries import SourceStatus

NAME = "status"
HELP = "Show each source's last runs, cursors, open rejects, the age of its data, and who loads it now."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one line of JSON for each source")
    parser.add_argument(
        "--runs", type=positive, default=5, metavar="N", help="runs of each source (default: 5)"
    )


def answer(options: Mapping[str, Any], printer: Printer) -> None:
    now = timezone.now()
    statuses = queries.source_statuses(now=now, run_count=options["runs"])
    for status in statuses:
        if options["json"]:
            printer.json(_record(status, now))
        else:
            _show(status, now, printer)
    if not statuses and not options["json"]:
        printer.line("no run so far: `manage.py etl run` begins one")


def _record(status: SourceStatus, now: datetime) -> dict[str, Any]:
    lease = status.lease
    return {
        "source": status.source,
        "fresh_at": status.fresh_at,
        "age_seconds": None if status.fresh_at is None else round((now - status.fresh_at).total_seconds(), 3),
        "open_reject_count": status.open_reject_count,
        "lease": lease and {"run": lease.run_id, "holder": lease.holder, "expires_at": lease.expires_at},
        "cursors": {
            name: {"cursor_at": cursor.cursor_at, "resume": cursor.resume}
            for name, cursor in status.cursors.items()
        },
        "runs": [runs.record(run) for run in status.runs],
    }


def _show(status: SourceStatus, now: datetime, printer: Printer) -> None:
    names = ("Run", "Mode", "Began", "Outcome", "Seconds", *(name.title() for name in runs.COUNTS), "Error")
    rows = [
        (
            str(run.pk),
            run.mode,
            run.started_at,
            run.get_outcome_display(),
            f"{runs.seconds(run):,.1f}",
            *(getattr(run, f"{name}_count") for name in runs.COUNTS),
            run.error,
        )
        for run in status.runs
    ]
    printer.table(f"{status.source}: {_freshness(status.fresh_at, now)}", names, rows)
    for line in _lines(status):
        printer.line(f"  {line}")


def _lines(status: SourceStatus) -> list[str]:
    lines = [f"{name}: {_reached(cursor)}" for name, cursor in status.cursors.items()]
    if status.open_reject_count:
        lines.append(f"rejected rows: {status.open_reject_count:,} (`manage.py etl rejects list`)")
    if status.lease:
        lease = status.lease
        lines.append(f"run {lease.run_id} loads it now, in {lease.holder}, until {as_text(lease.expires_at)}")
    return lines


def _reached(cursor: Cursor) -> str:
    reached = as_text(cursor.cursor_at)
    shown = f"read up to {reached}" if reached else "no timestamp so far, so a run reads all of them"
    return f"{shown}; interrupted, the next run continues there" if cursor.resume else shown


def _freshness(fresh_at: datetime | None, now: datetime) -> str:
    if fresh_at is None:
        return "no run was done yet"
    return f"holds what it knew at {as_text(fresh_at)}, {_age((now - fresh_at).total_seconds())} ago"


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
