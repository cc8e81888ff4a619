"""
A report's rows as lines of CSV, each put together by Postgres: one text for each row reaches Python.

A cell has quotes where RFC 4180 wants them, and only there. Text that a spreadsheet would run as a formula
gets a leading apostrophe (OWASP's rule for CSV injection: the first character counts). Numbers are not text
and stay.

A comma is common in text, the rest is rare: one condition over all text of a row finds it. That halves the
time of a row, nearly all of which is spent in Postgres (benchmarks/costs/report_csv.py).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any

import sqlalchemy as sa

from reports.catalogue.contract import Column, Kind

# The full-width forms count too: some spreadsheets read them as the ASCII ones.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
INSTANT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
# RFC 4180: a cell with one of these, or with a comma, needs quotes.
_RARE = ('"', "\r", "\n")

Text = sa.ColumnElement[str]
WriteText = Callable[[Text], Text]


def lines(columns: Sequence[Column], rows: sa.Select[Any]) -> sa.Select[Any]:
    """Return the statement whose one column is a line for each row, without its end, in their order."""
    names = [column.name for column in columns if column.kind is Kind.TEXT]
    texts = [sa.func.coalesce(_text(rows.selected_columns[name]), "") for name in names]
    together = _joined(texts or [sa.literal("")])
    # OFFSET 0: otherwise Postgres would compute `together` again for each condition.
    inner = rows.add_columns(together.label("together")).offset(0).subquery()
    starts = (_is_formula(_text(inner.c[name])) for name in names)
    is_rare = sa.or_(*starts, *(_has(inner.c.together, each) for each in _RARE))
    careful, quick = _line(columns, inner, _careful), _line(columns, inner, _quick)
    return sa.select(sa.case((is_rare, careful), else_=quick).label("line"))


def _line(columns: Sequence[Column], row: sa.FromClause, write_text: WriteText) -> Text:
    """Return the cells with commas between them; null is nothing."""
    cells = [sa.func.coalesce(_cell(each, row.c[each.name], write_text), "") for each in columns]
    separated = [cells[0], *(part for cell in cells[1:] for part in (sa.literal(","), cell))]
    return _joined(separated)


def _cell(column: Column, value: sa.ColumnElement[Any], write_text: WriteText) -> Text:
    if column.kind is Kind.INSTANT:
        return sa.func.to_char(sa.func.timezone("UTC", value), INSTANT)
    if column.kind is Kind.DATE:
        return sa.func.to_char(value, "YYYY-MM-DD")
    return write_text(_text(value)) if column.kind is Kind.TEXT else _text(value)


def _quick(text: Text) -> Text:
    """Return a cell of a row without anything rare: a comma is all that can be in it."""
    return sa.case((_has(text, ","), _joined([sa.literal('"'), text, sa.literal('"')])), else_=text)


def _careful(text: Text) -> Text:
    """Return a cell quoted and defused where it must be."""
    is_special = sa.or_(_is_formula(text), *(_has(text, each) for each in (",", *_RARE)))
    mark = sa.case((_is_formula(text), "'"), else_="")
    return sa.case((is_special, sa.func.concat('"', mark, sa.func.replace(text, '"', '""'), '"')), else_=text)


def _is_formula(text: Text) -> sa.ColumnElement[bool]:
    # The first character's code point; a regular expression would cost ten times as much.
    return sa.func.ascii(text).in_([ord(start) for start in FORMULA_STARTS])


def _has(text: Text, character: str) -> sa.ColumnElement[bool]:
    return sa.func.strpos(text, character) > 0


def _text(value: sa.ColumnElement[Any]) -> Text:
    return sa.cast(value, sa.Text)


def _joined(parts: Iterable[Text]) -> Text:
    # Half the cost of concat(), which asks each part for its type.
    return reduce(lambda before, part: before.concat(part), parts)
