"""`etl check-source`: can the source be read? Nothing is stored."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from etl.cli.arguments import add_source_arguments, opened_source
from etl.cli.printer import Printer

NAME = "check-source"
HELP = "Try the source: reached, authorised, a page of each endpoint; exit 1 with the cure if not."


def add_arguments(parser: ArgumentParser) -> None:
    add_source_arguments(parser)


def answer(options: Mapping[str, Any], printer: Printer) -> None:
    with opened_source(options) as source:
        for line in source.check():
            printer.line(f"ok    {line}")
