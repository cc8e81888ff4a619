"""Which display a run has: bars on a terminal, lines in a log, JSON when it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from etl.cli.printer import Printer
from etl.cli.progress import Bars
from etl.cli.watchers import Display, Lines, Records


@contextmanager
def display(printer: Printer, *, as_json: bool) -> Iterator[Display]:
    """Show a run while the block runs; afterwards the terminal is as it was, however the block ended."""
    if as_json:
        yield Records(printer)
    elif not printer.is_terminal:
        yield Lines(printer)
    else:
        bars = Bars(printer)
        with bars.progress:
            yield bars
