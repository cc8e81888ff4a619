"""`etl reset-cursor`: let the next run read everything again."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from etl.cli.exits import UsageError
from etl.cli.printer import Printer
from etl.maintenance import reset

NAME = "reset-cursor"
HELP = "Forget how far a source was read: the next run reads everything again. No row is deleted."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--name", default="", help="the source; it may be left out when there is only one")
    parser.add_argument("--yes", action="store_true", help="do it")


def answer(options: Mapping[str, Any], printer: Printer) -> None:
    source = _chosen(options["name"])
    if not options["yes"]:
        raise UsageError(
            f"the next run of {source} would read everything again, which may take long; no row is deleted: "
            "give --yes to do it"
        )
    count = reset.reset_cursors(source=source)
    printer.line(f"{count:,} cursors of {source} reset: its next run reads everything again")


def _chosen(name: str) -> str:
    """Return the source that is meant, and never guess among several."""
    names = reset.sources_with_cursor()
    if name in names:
        return name
    if not names:
        raise UsageError("no source has a cursor: the next run reads everything anyway")
    if name or len(names) > 1:
        raise UsageError(f"name the source whose cursor is meant, with --name: {', '.join(names)}")
    return names[0]
