"""`etl diff`: what a run would do. It writes nothing and takes no lease."""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from etl.cli.arguments import add_source_arguments, opened_source
from etl.cli.period import add_period_arguments, options_from
from etl.cli.printer import Printer
from etl.maintenance.difference import TableDifference, difference
from etl.runs.options import RunOptions
from etl.sources import Source

NAME = "diff"
HELP = "Show what a run would insert, update, leave as it is and reject; write nothing."


def add_arguments(parser: ArgumentParser) -> None:
    add_source_arguments(parser)
    add_period_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON for each table")


def answer(options: Mapping[str, Any], printer: Printer) -> None:
    asked = options_from(options)
    with opened_source(options) as source:
        show_difference(source, asked, printer, as_json=options["json"])


def show_difference(source: Source, asked: RunOptions, printer: Printer, *, as_json: bool) -> None:
    """Print what a run over `source` would do to each table."""
    tables = difference(source, options=asked)
    if as_json:
        for table, found in tables.items():
            printer.json({"table": table, **asdict(found)})
        return
    names = ("Table", "Insert", "Update", "Unchanged", "Rejected")
    rows = [(table, *_columns(found)) for table, found in tables.items()]
    printer.table(f"What a run over {source.name} would do ({asked.mode})", names, rows)


def _columns(found: TableDifference) -> tuple[int, ...]:
    return found.insert, found.update, found.unchanged, found.rejected
