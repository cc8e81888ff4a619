"""`manage.py report`: make a report of the catalogue in a shell, exactly as the admin's jobs make it."""

import shutil
import sys
import tempfile
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

import django.db
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from sqlalchemy.exc import SQLAlchemyError

from analytics.models import Event
from core import db
from reports.catalogue import REPORTS, Parameters, Report, UnknownReport, find
from reports.making import MadeFile, make_file
from reports.models import FileFormat

STDOUT = "-"


class Command(BaseCommand):
    help = "Make a report and write it to a file, or to the standard output. It checks no permissions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default="", help="see --list")
        parser.add_argument("--list", action="store_true", dest="is_list", help="name every report, and stop")
        parser.add_argument("--from", dest="start", type=_day, metavar="DAY", help="first day, 2025-06-01")
        parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="last day, included")
        parser.add_argument("--event", dest="events", action="append", metavar="ID", help="only this event")
        parser.add_argument("--format", dest="file_format", choices=FileFormat.values, default=FileFormat.CSV)
        parser.add_argument("--output", metavar="PATH", help="a file, or - for the standard output")

    def handle(self, *, name: str, is_list: bool, **options: Any) -> None:
        if is_list:
            for report in REPORTS.values():
                self.stdout.write(f"{report.slug:16} {report.title}: {report.description}")
            return
        output = _required(options, "output")
        try:
            report = find(name)
            parameters = _parameters(report, options)
            made = _make(report, parameters, FileFormat(options["file_format"]), output)
        except (UnknownReport, OSError) as error:
            raise CommandError(f"no report: {error}") from error
        except (SQLAlchemyError, django.db.Error) as error:
            found = db.diagnose(error)
            if found is None:
                raise
            raise CommandError(f"no report: the database cannot serve now: {found}") from error
        # The standard output may be the report itself.
        self.stderr.write(
            f"{made.row_count:,} of {made.row_total:,} rows, {made.size_bytes:,} bytes in "
            f"{made.seconds:.1f} s; sha256 {made.sha256}"
        )


def _parameters(report: Report, options: dict[str, Any]) -> Parameters:
    start, last = _required(options, "start"), _required(options, "last")
    if last < start:
        raise CommandError(f"--to {last} is before --from {start}: both days are included")
    try:
        end = date.fromordinal(last.toordinal() + 1)
    except ValueError:
        raise CommandError(f"--to {last} is the calendar's last day: name an earlier one") from None
    return Parameters(start=start, end=end, event_ids=_event_ids(report, options["events"]))


def _event_ids(report: Report, named: list[str] | None) -> tuple[str, ...] | None:
    """Return the events that were named, None for all. An unknown one would give an empty report."""
    if named is None:
        return None
    if not report.is_about_events:
        raise CommandError(f"{report.slug} is not about events, so none can be chosen: leave --event out")
    known = set(Event.objects.filter(pk__in=named).values_list("pk", flat=True))
    unknown = ", ".join(repr(each) for each in named if each not in known)
    if unknown:
        raise CommandError(f"no event {unknown}: sales-by-event without --event lists ids, as the admin does")
    return tuple(named)


def _make(report: Report, parameters: Parameters, file_format: FileFormat, output: str) -> MadeFile:
    """Make the report in a folder beside `output`, so that nobody reads half a file there."""
    folder = None if _is_written_into(output) else Path(output).absolute().parent
    with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as place:
        made = make_file(
            report=report,
            parameters=parameters,
            file_format=file_format,
            path=Path(place) / "report",
            on_progress=_ignore,
            now=timezone.now(),
        )
        _put(made.path, output)
    return made


def _put(path: Path, output: str) -> None:
    if not _is_written_into(output):
        path.replace(output)
        return
    with path.open("rb") as file:
        if output == STDOUT:
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with Path(output).open("wb") as target:
                shutil.copyfileobj(file, target)


def _is_written_into(output: str) -> bool:
    """Tell whether `output` is no file that a new one may replace: a pipe, a device such as /dev/null."""
    return output == STDOUT or (Path(output).exists() and not Path(output).is_file())


def _ignore(rows: int, total: int | None) -> None: ...


def _required(options: dict[str, Any], name: str) -> Any:
    if options[name] is None:
        flag = {"start": "--from", "last": "--to"}.get(name, f"--{name}")
        raise CommandError(f"{flag} is missing: manage.py report --help shows how to ask")
    return options[name]


def _day(text: str) -> date:
    return date.fromisoformat(text)
