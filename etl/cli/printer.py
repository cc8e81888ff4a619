"""
Where the subcommands print: lines, tables and JSON. Nothing else writes to standard output.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, Any, cast

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Wide enough that no table is folded in a file.
WIDTH_OF_A_FILE = 200


class Printer:
    """Standard output; `is_terminal` says whether a person is watching."""

    def __init__(self, stdout: OutputWrapper) -> None:
        # rich moves the cursor: a newline after each of its writes would break the picture.
        stdout.ending = ""
        self._stdout = stdout
        self.is_terminal = stdout.isatty()
        width = None if self.is_terminal else WIDTH_OF_A_FILE
        self.console = Console(file=cast("IO[str]", stdout), width=width, highlight=False)

    def line(self, text: str) -> None:
        """Print a line; whoever reads a pipe sees it at once."""
        self._stdout.write(f"{text}\n")
        self._stdout.flush()

    def json(self, record: Mapping[str, Any]) -> None:
        """Print a record as one line of JSON."""
        self.line(json.dumps(record, default=_exact))

    def table(self, title: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table; each value as `as_text` writes it."""
        table = Table(title=title, title_justify="left")
        for name in names:
            # Folded, not cut: an error's end is its cure.
            table.add_column(name, overflow="fold")
        for row in rows:
            # Text: what a source sends is not markup.
            table.add_row(*(Text(as_text(value)) for value in row))
        self.console.print(table)


def as_text(value: object) -> str:
    """Write a value for a person: instants in UTC to the second, counts with separators, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return str(value)
    return f"{value:,}"


def _exact(value: object) -> str:
    # JSON knows neither instants nor Decimals; a float would change the amount.
    return value.isoformat() if isinstance(value, datetime | date) else str(value)
