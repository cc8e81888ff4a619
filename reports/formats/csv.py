"""
CSV by RFC 4180: CRLF, quotes where needed, UTF-8. The same on every machine: no locale is asked.

Postgres puts each line together: one cell for each row reaches Python, which costs half of writing nine with
the csv module (benchmarks/costs/report_csv.py). Text that a spreadsheet would run as a formula gets a leading
apostrophe (OWASP's rule for CSV injection: the first character counts). Numbers are not text and stay.
"""

import csv
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reports.catalogue.contract import Column, Kind
from reports.formats.contract import Batches, Content, Format
from reports.formats.plain import plain_text

# The full-width forms count too: some spreadsheets read them as the ASCII ones.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
NEWLINE = "\r\n"
# RFC 4180: a cell with one of these needs quotes.
_QUOTED = (",", '"', "\r", "\n")


class Csv(Format):
    suffix = "csv"
    content_type = "text/csv; charset=utf-8"

    def __init__(self, *, has_bom: bool = False) -> None:
        # Excel takes a file without the mark for the machine's own 8-bit code.
        self._encoding = "utf-8-sig" if has_bom else "utf-8"

    def cells(
        self, columns: Sequence[Column], values: Sequence[sa.ColumnElement[Any]]
    ) -> list[sa.ColumnElement[Any]]:
        """Return one cell: the whole line. `concat` writes null as nothing."""
        texts = [_text(column, value) for column, value in zip(columns, values, strict=True)]
        separated = list(chain.from_iterable((",", text) for text in texts))[1:]
        return [sa.func.concat(*separated).label("line")]

    def texts(self, row: Sequence[Any]) -> list[str]:
        return next(csv.reader(list(row)), [])

    def write(self, path: Path, content: Content, batches: Batches) -> None:
        report = content.report
        with path.open("w", encoding=self._encoding, newline="") as file:
            writer = csv.writer(file, lineterminator=NEWLINE)
            preamble = report.csv_preamble(content.parameters, content.figures, content.generated_at)
            writer.writerows([_preamble_cell(each) for each in line] for line in preamble)
            writer.writerow(column.heading for column in report.columns)
            for batch in batches:
                file.write(NEWLINE.join(chain.from_iterable(batch)))
                file.write(NEWLINE)


def defused(text: str) -> str:
    """Return `text` as no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _preamble_cell(value: Any) -> str:
    return defused(value) if isinstance(value, str) else plain_text(value)


def _text(column: Column, value: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    if column.kind is Kind.INSTANT:
        return sa.func.to_char(sa.func.timezone("UTC", value), INSTANT)
    if column.kind is Kind.DATE:
        return sa.func.to_char(value, "YYYY-MM-DD")
    text = sa.cast(value, sa.Text)
    return _safe(text) if column.kind is Kind.TEXT else text


def _safe(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """
    Return the cell quoted and defused where it must be; null stays null.

    strpos and ascii (the first character's code point) cost a quarter of what translate does, and less than a
    regular expression.
    """
    is_formula = sa.func.ascii(text).in_([ord(start) for start in FORMULA_STARTS])
    is_special = sa.or_(is_formula, *(sa.func.strpos(text, each) > 0 for each in _QUOTED))
    mark = sa.case((is_formula, "'"), else_="")
    return sa.case((is_special, sa.func.concat('"', mark, sa.func.replace(text, '"', '""'), '"')), else_=text)
