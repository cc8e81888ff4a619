"""
The document: its first page with parameters, figures, chart and notes; then the table.

At most ROW_LIMIT rows are printed, and the first page says so. Text that does not fit ends in "…".
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from reportlab.pdfgen.canvas import Canvas

from reports.formats.contract import Batches, Content, Format
from reports.formats.facts import facts
from reports.formats.pdf.bar_chart import draw_bars
from reports.formats.pdf.page import HEIGHT, MARGIN, WIDTH
from reports.formats.pdf.table import Table
from reports.formats.pdf.text import BOLD, REGULAR, TextFitter, printed_text
from reports.formats.totals import Totals

ROW_LIMIT = 5_000
LINE = 14.0
CHART_HEIGHT = 180.0
# Points from the left edge: names, then values.
VALUES_AT = MARGIN + 150.0
MISSING_CHARACTERS = (
    "Characters that the font of this document lacks are shown as \u25a0; the other formats have them all."
)


class Pdf(Format):
    suffix = "pdf"
    content_type = "application/pdf"
    row_limit = ROW_LIMIT

    def write(self, path: Path, content: Content, batches: Batches) -> None:
        fitter = TextFitter()
        # Bounded by ROW_LIMIT. All are read first: the first page says whether their text lacks characters.
        rows = list(chain.from_iterable(batches))
        lines = [_printed(content, row, fitter) for row in rows]
        totals = [_printed(content, line, fitter) for line in _totals(content, rows)]
        canvas = Canvas(str(path), pagesize=(WIDTH, HEIGHT))
        canvas.setTitle(content.report.title)
        _first_page(canvas, content, fitter, row_count=len(rows))
        headings = [fitter.printable(column.heading) for column in content.report.columns]
        Table(canvas, content.report.columns, headings, fitter).draw(lines, totals)
        canvas.save()


def _printed(content: Content, row: Sequence[Any], fitter: TextFitter) -> list[str]:
    pairs = zip(content.report.columns, row, strict=True)
    return [fitter.printable(printed_text(value, column.kind)) for column, value in pairs]


def _totals(content: Content, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    if len(rows) < content.row_total:
        # The sum of some rows is no total: the first page has the report's own figures.
        return []
    totals = Totals(content.report.columns)
    totals.add(rows)
    return totals.lines()


def _first_page(canvas: Canvas, content: Content, fitter: TextFitter, *, row_count: int) -> None:
    canvas.setFont(BOLD, 20)
    canvas.drawString(MARGIN, HEIGHT - MARGIN - 14, content.report.title)
    height = HEIGHT - MARGIN - 44
    about = [(name, printed_text(value)) for name, value in facts(content)]
    figures = [
        (each.label, f"{printed_text(each.value)} {each.currency}".strip()) for each in content.figures
    ]
    height = _pairs(canvas, fitter, about, height) - LINE
    height = _pairs(canvas, fitter, figures, height, lowest=MARGIN + CHART_HEIGHT + 3 * LINE)
    if content.chart is not None:
        corner = (MARGIN, MARGIN + 2 * LINE)
        draw_bars(canvas, content.chart, fitter, corner=corner, width=WIDTH - 2 * MARGIN)
    _notes(canvas, content, fitter, row_count)
    canvas.showPage()


def _pairs(
    canvas: Canvas,
    fitter: TextFitter,
    pairs: Sequence[tuple[str, str]],
    height: float,
    *,
    lowest: float = MARGIN,
) -> float:
    """Write names and values, one pair a line; return the height below them. Says how many did not fit."""
    room = max(1, int((height - lowest) / LINE))
    shown = pairs if len(pairs) <= room else pairs[: room - 1]
    if len(shown) < len(pairs):
        shown = [*shown, (f"and {len(pairs) - len(shown):,} more", "in the other formats")]
    for name, value in shown:
        canvas.setFont(BOLD, 10)
        canvas.drawString(MARGIN, height, fitter.clipped(name, VALUES_AT - MARGIN - 6, font=BOLD, size=10))
        canvas.setFont(REGULAR, 10)
        canvas.drawString(VALUES_AT, height, fitter.clipped(value, WIDTH - VALUES_AT - MARGIN, size=10))
        height -= LINE
    return height


def _notes(canvas: Canvas, content: Content, fitter: TextFitter, row_count: int) -> None:
    notes = []
    if row_count < content.row_total:
        notes.append(f"Rows 1 to {row_count:,} of {content.row_total:,} are printed; the CSV has them all.")
    if fitter.has_replaced:
        notes.append(MISSING_CHARACTERS)
    canvas.setFont(REGULAR, 9)
    for number, note in enumerate(notes):
        canvas.drawString(MARGIN, MARGIN + LINE - number * LINE, note)
