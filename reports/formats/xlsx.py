"""
XLSX: real dates and numbers, a frozen header, a filter, totals, and a sheet with the parameters.

Text is written as text, never as a formula or a link. One row is in memory at a time. Further sheets take
the rows that one cannot hold.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format as CellFormat
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from reports.catalogue.contract import Column, Kind
from reports.formats.contract import Batches, Content, Format
from reports.formats.facts import facts
from reports.formats.plain import plain_text
from reports.formats.totals import Totals

# Excel's own: 1,048,576 rows, one of them the header.
ROWS_OF_A_SHEET = 1_048_575
# Excel keeps 15 digits of a number: what may have more is written as text. Money has four decimals.
GREATEST_INTEGER = 2**53
GREATEST_DECIMAL = Decimal(10**11)
# Its calendar begins in 1900, with a wrong leap day in the second month.
FIRST_DATE = date(1900, 3, 1)
LONGEST_TEXT = 32_767

NUMBER_FORMATS = {
    Kind.INTEGER: "#,##0",
    Kind.MONEY: "#,##0.00##",
    Kind.SHARE: "0.00%",
    Kind.DATE: "yyyy-mm-dd",
    Kind.INSTANT: "yyyy-mm-dd hh:mm:ss",
}
WIDTHS = {Kind.TEXT: 24, Kind.INSTANT: 20}
OTHER_WIDTH = 14

Write = Callable[[Worksheet, int, int, Any], object]


class Xlsx(Format):
    suffix = "xlsx"
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def cell(self, column: Column, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the value; an instant as UTC without a zone, since Excel has no zones."""
        return sa.func.timezone("UTC", value).label(column.name) if column.kind is Kind.INSTANT else value

    def write(self, path: Path, content: Content, batches: Batches) -> None:
        with _assembled(path) as workbook:
            sheets, totals = RowSheets(workbook, content.report.columns), Totals(content.report.columns)
            for batch in batches:
                sheets.write(batch)
                totals.add(batch)
            sheets.write_totals(totals.lines())
            _write_parameters(workbook, content)


@contextmanager
def _assembled(path: Path) -> Iterator[Workbook]:
    """
    Lend a workbook and put it together at `path`, unless the block fails; its temporary files go either way.

    XlsxWriter's own `with` puts it together even then: a worker that is asked to stop would not stop.

    Raises:
        OSError: the disk refused the file.
    """
    # Beside the file: the machine's own folder may be memory.
    with TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent) as folder:
        workbook = Workbook(str(path), {"constant_memory": True, "tmpdir": folder})
        try:
            yield workbook
            workbook.close()
        except FileCreateError as error:
            # It carries the OSError of the disk.
            raise error.args[0] from None
        finally:
            _close_temporary_files(workbook)


def _close_temporary_files(workbook: Workbook) -> None:
    """Close the sheets' temporary files, which XlsxWriter leaves open when the workbook was not closed."""
    for sheet in workbook.worksheets():
        # A full disk refuses even what is in the buffer; the caller has that error already.
        with suppress(OSError):
            sheet.row_data_fh.close()


class RowSheets:
    """The sheets of the rows: "Rows", and where that is full "Rows 2"..."""

    def __init__(self, workbook: Workbook, columns: Sequence[Column]) -> None:
        self._workbook, self._columns = workbook, columns
        self._bold = workbook.add_format({"bold": True})
        self._writers = [_writer(workbook, column.kind) for column in columns]
        self._total_writers = [_writer(workbook, column.kind, bold=True) for column in columns]
        self._count = 0
        self._open()

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows of values as `Xlsx.cell` asks for them."""
        for row in rows:
            self._write_row(row, self._writers)
        self._filter()

    def write_totals(self, lines: Sequence[Sequence[Any]]) -> None:
        """Write the rows below the table, which the filter leaves out."""
        for line in lines:
            self._write_row(line, [_write_text, *self._total_writers[1:]])

    def _write_row(self, row: Sequence[Any], writers: Sequence[Write]) -> None:
        if self._row == ROWS_OF_A_SHEET:
            self._filter()
            self._open()
        self._row += 1
        sheet, number = self._sheet, self._row
        for column, (write, value) in enumerate(zip(writers, row, strict=True)):
            if value is not None:
                write(sheet, number, column, value)

    def _open(self) -> None:
        self._count += 1
        self._row = 0
        self._sheet = self._workbook.add_worksheet("Rows" if self._count == 1 else f"Rows {self._count}")
        self._sheet.freeze_panes(1, 0)
        for number, column in enumerate(self._columns):
            self._sheet.set_column(number, number, WIDTHS.get(column.kind, OTHER_WIDTH))
            self._sheet.write_string(0, number, column.heading, self._bold)
        # Of the header alone, until there are rows.
        self._filter()

    def _filter(self) -> None:
        self._sheet.autofilter(0, 0, self._row, len(self._columns) - 1)


def _writer(workbook: Workbook, kind: Kind, *, bold: bool = False) -> Write:
    """Return what writes a cell of `kind`; what Excel cannot hold as that kind is written as text."""
    if kind is Kind.TEXT:
        return _write_text
    style = workbook.add_format({"num_format": NUMBER_FORMATS[kind], "bold": bold})
    if kind in {Kind.DATE, Kind.INSTANT}:
        return _date_writer(style)
    return _number_writer(style, GREATEST_INTEGER if kind is Kind.INTEGER else GREATEST_DECIMAL)


def _number_writer(style: CellFormat, greatest: int | Decimal) -> Write:
    least = -greatest

    def write(sheet: Worksheet, row: int, column: int, value: int | Decimal) -> None:
        if least < value < greatest:
            sheet.write_number(row, column, value, style)
        else:
            _write_text(sheet, row, column, plain_text(value))

    return write


def _date_writer(style: CellFormat) -> Write:
    def write(sheet: Worksheet, row: int, column: int, value: date | datetime) -> None:
        if (value.year, value.month) >= (FIRST_DATE.year, FIRST_DATE.month):
            sheet.write_datetime(row, column, value, style)
        else:
            _write_text(sheet, row, column, value.isoformat())

    return write


def _write_text(sheet: Worksheet, row: int, column: int, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    sheet.write_string(row, column, text)


def _write_parameters(workbook: Workbook, content: Content) -> None:
    sheet = workbook.add_worksheet("Parameters")
    sheet.set_column(0, 1, 32)
    writers = {kind: _writer(workbook, kind) for kind in Kind}
    lines = [(name, value, "") for name, value in facts(content)]
    lines += [(each.label, each.value, each.currency) for each in content.figures]
    for row, (name, value, currency) in enumerate(lines):
        sheet.write_string(row, 0, name)
        if value is not None:
            kind, cell = _kind_of(value)
            writers[kind](sheet, row, 1, cell)
        sheet.write_string(row, 2, currency)


def _kind_of(value: Any) -> tuple[Kind, Any]:
    """Return a fact's kind, and the value as its writer wants it."""
    if isinstance(value, datetime):
        return Kind.INSTANT, value.astimezone(UTC).replace(tzinfo=None)
    kinds = ((date, Kind.DATE), (int, Kind.INTEGER), (Decimal, Kind.MONEY))
    kind = next((kind for type_, kind in kinds if isinstance(value, type_)), Kind.TEXT)
    return kind, value
