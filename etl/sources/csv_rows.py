"""
CSV with a header line; commas, semicolons or tabs. A line that cannot be read is rejected with its number.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from etl.parsing.upstream_fields import UpstreamEvent, UpstreamSale
from etl.rows import Endpoint, Rejection
from etl.sources.contract import SourceFailed
from etl.sources.json_lines import rejected_line
from etl.sources.lines import MAXIMUM_BYTES, Line

_DELIMITERS = ",;\t"
_STRUCTS = {Endpoint.SALES: UpstreamSale, Endpoint.EVENTS: UpstreamEvent}
_SHOWN = 200


class CsvRows:
    """
    The rows below one header line.

    Raises:
        SourceFailed: the header has a column twice, or no column that is known.
    """

    def __init__(self, header: Line, endpoint: Endpoint) -> None:
        text = header.content.decode("utf-8", "replace")
        self.delimiter = max(_DELIMITERS, key=text.count)
        cells = next(csv.reader([text], delimiter=self.delimiter), [])
        self.columns = [cell.strip() for cell in cells]
        self._check_header(endpoint)
        self._lines: list[Line] = []
        self._fault = ""
        # Of the lines read so far.
        self.byte_count = 0

    def rows(self, lines: Iterable[Line]) -> Iterator[tuple[int, dict[str, str] | Rejection]]:
        """Yield for each row the number of its first line, and the row or its rejection."""
        # strict: a quote in the wrong place is a fault, not a part of the cell.
        reader = csv.reader(self._texts(lines), delimiter=self.delimiter, strict=True)
        while (cells := self._next_cells(reader)) is not None:
            row = self._row(cells)
            if row is not None:
                yield self._lines[0].number, row

    def _next_cells(self, reader: Iterator[list[str]]) -> list[str] | None:
        """Return the next row's cells, None at the end; a fault is noted for `_row`."""
        self._lines, self._fault = [], ""
        try:
            return next(reader, None)
        except csv.Error as error:
            self._fault = self._fault or f"is not CSV: {error}: is a quote missing?"
            return []

    def _row(self, cells: list[str]) -> dict[str, str] | Rejection | None:
        if not self._fault and not cells:
            return None
        if not self._fault and len(cells) != len(self.columns):
            self._fault = (
                f"has {len(cells)} cells, the header {len(self.columns)}: quote cells with separators"
            )
        if self._fault:
            first, last = self._lines[0].number, self._lines[-1].number
            content = b"".join(line.content for line in self._lines)
            return rejected_line(first, content, self._fault, last=last)
        return dict(zip(self.columns, cells, strict=True))

    def _texts(self, lines: Iterable[Line]) -> Iterator[str]:
        """Yield the lines as text; one that is not UTF-8 or too long makes its row a rejection."""
        for line in lines:
            self._lines.append(line)
            self.byte_count += len(line.content)
            try:
                text = line.content.decode()
            except UnicodeDecodeError as error:
                self._fault = f"is not UTF-8 from byte {error.start + 1} on"
                text = line.content.decode("utf-8", "replace")
            if line.is_too_long:
                self._fault, text = f"is longer than {MAXIMUM_BYTES} bytes: is a quote missing?", "\n"
            yield text

    def _check_header(self, endpoint: Endpoint) -> None:
        known: Any = set(_STRUCTS[endpoint].__struct_fields__)
        shown = ", ".join(self.columns)[:_SHOWN]
        if not known & set(self.columns):
            raise SourceFailed(
                f"the first line names no column of {endpoint}: it has {shown!r}: begin with a line such as "
                "sale_id,event_id,quantity,total_amount,currency,sale_date"
            )
        if len(set(self.columns)) < len(self.columns):
            raise SourceFailed(f"the first line names a column twice: {shown!r}")
