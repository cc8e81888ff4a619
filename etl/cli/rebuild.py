"""`etl rebuild`: recompute the summaries from the raw rows."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from etl.cli.arguments import day
from etl.cli.exits import UsageError
from etl.cli.printer import Printer
from etl.maintenance import rebuild as summaries

NAME = "rebuild"
HELP = "Recompute the summaries from the raw rows, all of them or those of one event or some days."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--event", metavar="ID", help="of this event only")
    parser.add_argument("--from", dest="start", type=day, metavar="DAY", help="from this day on")
    parser.add_argument("--to", dest="end", type=day, metavar="DAY", help="up to this day, which is included")


def answer(options: Mapping[str, Any], printer: Printer) -> None:
    start, last = options["start"], options["end"]
    if start and last and last < start:
        raise UsageError(f"--to {last} is before --from {start}: exchange them")
    end = None if last is None else last + timedelta(days=1)
    result = summaries.rebuild(event_id=options["event"], start=start, end=end)
    printer.line(
        f"{result.day_count:,} days and {result.total_count:,} totals changed, {result.sale_count:,} sales "
        f"moved to their event's day, in {result.seconds:.1f} s"
    )
