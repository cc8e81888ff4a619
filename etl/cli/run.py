"""`etl run`: load what a source has."""

import signal
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from etl.cli.arguments import add_source_arguments, opened_source
from etl.cli.diff import show_difference
from etl.cli.display import display
from etl.cli.exits import FAILED, SIGNALLED, TOO_MANY_REJECTS, failure
from etl.cli.period import DEFAULT_LIMIT, add_period_arguments, limit, options_from
from etl.cli.printer import Printer
from etl.cli.signals import stop_on_signals
from etl.models import Run, RunOutcome
from etl.runs.options import RunOptions
from etl.runs.pipeline import run_etl
from etl.sources import Source

NAME = "run"
HELP = "Load events and sales: what is new since the last run, unless something else is asked for."


def add_arguments(parser: ArgumentParser) -> None:
    add_source_arguments(parser)
    add_period_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="write nothing: as `etl diff`")
    parser.add_argument(
        "--max-rejects",
        type=limit,
        default=DEFAULT_LIMIT,
        metavar="N|P%",
        help="end with exit code 3 when more rows are rejected; a share is judged from 100 rows on, and at "
        f"the end (default: {DEFAULT_LIMIT.replace('%', '%%')})",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON for each page and for the run")


def answer(options: Mapping[str, Any], printer: Printer) -> None:
    asked = options_from(options, max_rejects=options["max_rejects"])
    with opened_source(options) as source:
        if options["dry_run"]:
            show_difference(source, asked, printer, as_json=options["json"])
        else:
            _run(source, asked, printer, as_json=options["json"])


def _run(source: Source, asked: RunOptions, printer: Printer, *, as_json: bool) -> None:
    with stop_on_signals() as stop:
        with display(printer, as_json=as_json) as shown:
            run = run_etl(source, options=asked, watcher=shown, stop=stop.event)
        shown.run_ended(run)
    _judge(run, stop.number)


def _judge(run: Run, stopped_by: signal.Signals | None) -> None:
    """Raise the error that says how the run ended, unless it is done."""
    if run.outcome == RunOutcome.TOO_MANY_REJECTS:
        raise failure(run.error, TOO_MANY_REJECTS)
    if run.outcome == RunOutcome.INTERRUPTED and stopped_by is not None:
        raise failure(
            f"run {run.pk} was stopped by {stopped_by.name}; what it loaded is saved, run again to continue",
            SIGNALLED + stopped_by,
        )
    if run.outcome != RunOutcome.DONE:
        raise failure(f"run {run.pk} of {run.source} failed: {run.error}", FAILED)
