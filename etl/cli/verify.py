"""`etl verify`: do the summaries agree with the raw rows?"""

from argparse import ArgumentParser
from collections.abc import Mapping
from time import monotonic
from typing import Any

from etl.cli.exits import failure
from etl.cli.printer import Printer
from etl.maintenance import verify as summaries

NAME = "verify"
HELP = "Compare the summaries with the raw rows; exit 1 on a difference, and show the first ones."
SHOWN = 20


def add_arguments(parser: ArgumentParser) -> None: ...


def answer(options: Mapping[str, Any], printer: Printer) -> None:
    began = monotonic()
    found = summaries.verify()
    if found:
        rows = [(each.table, each.row_key, each.stored, each.expected) for each in found[:SHOWN]]
        title = f"The first {len(rows):,} of {found.total:,} differences (tickets / revenue / rows)"
        printer.table(title, ("Table", "Row", "Stored", "Raw rows say"), rows)
        raise failure(
            f"{found.total:,} rows are not what the raw rows say: `manage.py etl rebuild` makes them so"
        )
    printer.line(f"no difference: every summary is what the raw rows say, {monotonic() - began:.1f} s")
