"""
CSV by RFC 4180: CRLF, quotes where needed, UTF-8. The same on every machine: no locale is asked.

Numbers, days and instants are made text by Postgres. Text that a spreadsheet would run as a formula gets a
leading apostrophe (OWASP's rule for CSV injection: it is the first character that counts).
"""

import csv
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reports.catalogue.contract import Column, Kind
from reports.formats.contract import Batches, Content, Format
from reports.formats.plain import plain_text

# The full-width forms count too: spreadsheets of some locales read them as the ASCII ones.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'


class Csv(Format):
    suffix = "csv"
    content_type = "text/csv; charset=utf-8"

    def __init__(self, *, has_bom: bool = False) -> None:
        # Excel takes a file without the mark for the machine's own 8-bit code.
        self._encoding = "utf-8-sig" if has_bom else "utf-8"

    def cell(self, column: Column, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        if column.kind is Kind.INSTANT:
            return sa.func.to_char(sa.func.timezone("UTC", value), INSTANT)
        if column.kind is Kind.DATE:
            return sa.func.to_char(value, "YYYY-MM-DD")
        text = sa.cast(value, sa.Text)
        return _defused_by_postgres(text) if column.kind is Kind.TEXT else text

    def write(self, path: Path, content: Content, batches: Batches) -> None:
        report = content.report
        with path.open("w", encoding=self._encoding, newline="") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            preamble = report.csv_preamble(content.parameters, content.figures, content.generated_at)
            writer.writerows([_preamble_cell(each) for each in line] for line in preamble)
            writer.writerow(column.heading for column in report.columns)
            for batch in batches:
                writer.writerows(batch)


def defused(text: str) -> str:
    """Return `text` as no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _defused_by_postgres(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    is_formula = sa.func.left(text, 1).in_(FORMULA_STARTS)
    return sa.case((is_formula, sa.literal("'").concat(text)), else_=text)


def _preamble_cell(value: Any) -> str:
    return defused(value) if isinstance(value, str) else plain_text(value)
