"""
CSV by RFC 4180: CRLF, quotes where needed, UTF-8. The same on every machine, whatever its locale.

Postgres makes the lines, as `reports.formats.csv_lines` says. Here they go into a file, under a preamble.
"""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reports.catalogue.contract import Column
from reports.formats.contract import Batches, Content, Format
from reports.formats.csv_lines import FORMULA_STARTS, lines
from reports.formats.plain import plain_text

NEWLINE = "\r\n"
# Each cell of a line with its comma before it. csv.reader would refuse one of more than 131,072 characters.
_CELL = re.compile(r',(?:"((?:[^"]++|"")*+)"|([^,]*))')


class Csv(Format):
    suffix = "csv"
    content_type = "text/csv; charset=utf-8"
    takes_lines = True

    def __init__(self, *, has_bom: bool = False) -> None:
        # Excel reads a file without the mark in the machine's own 8-bit encoding.
        self._encoding = "utf-8-sig" if has_bom else "utf-8"

    def shaped(self, columns: Sequence[Column], rows: sa.Select[Any]) -> sa.Select[Any]:
        """Return the rows as lines."""
        return lines(columns, rows)

    def texts(self, row: bytes) -> list[str]:
        cells = _CELL.findall("," + row.decode())
        return [quoted.replace('""', '"') or plain for quoted, plain in cells]

    def write(self, path: Path, content: Content, batches: Batches) -> None:
        newline = NEWLINE.encode()
        with path.open("wb") as file:
            file.write(_beginning(content).encode(self._encoding))
            for batch in batches:
                file.write(newline.join(batch))
                file.write(newline)


def defused(text: str) -> str:
    """Return `text` in a form that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _beginning(content: Content) -> str:
    """Return the report's preamble and the line of headings."""
    report, text = content.report, io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=NEWLINE)
    preamble = report.csv_preamble(content.parameters, content.figures, content.generated_at)
    writer.writerows([_preamble_cell(each) for each in line] for line in preamble)
    writer.writerow(column.heading for column in report.columns)
    return text.getvalue()


def _preamble_cell(value: Any) -> str:
    return defused(value) if isinstance(value, str) else plain_text(value)
