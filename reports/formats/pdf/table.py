"""
A table over as many pages as it needs, its heading on each.
"""

from collections.abc import Iterator, Sequence

from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from reports.catalogue.contract import Column, Kind
from reports.formats.pdf.page import HEIGHT, MARGIN, WIDTH
from reports.formats.pdf.text import BOLD, REGULAR, TextFitter

SIZE = 8
LINE = 12.0
GAP = 8.0
RULE, STRIPE = HexColor("#9ca3af"), HexColor("#f3f4f6")
TOP = HEIGHT - MARGIN - 2 * LINE
LINES_OF_A_PAGE = int((TOP - MARGIN - LINE) / LINE)
# Rows that the columns' widths are measured on.
MEASURED = 200
RIGHT_ALIGNED = {Kind.INTEGER, Kind.MONEY, Kind.SHARE}


class Table:
    """Draws rows of text; what is wider than its column ends in "…"."""

    def __init__(
        self, canvas: Canvas, columns: Sequence[Column], headings: Sequence[str], fitter: TextFitter
    ) -> None:
        self._canvas, self._fitter = canvas, fitter
        self._headings = headings
        self._is_right = [column.kind in RIGHT_ALIGNED for column in columns]

    def draw(self, rows: Sequence[Sequence[str]], totals: Sequence[Sequence[str]]) -> None:
        """Draw the rows, then the totals in bold. No rows: one page that says so."""
        widths = _widths([self._headings, *totals, *rows[:MEASURED]])
        lines = [(row, REGULAR) for row in rows] + [(line, BOLD) for line in totals]
        pages = [lines[start : start + LINES_OF_A_PAGE] for start in range(0, len(lines), LINES_OF_A_PAGE)]
        if not rows:
            self._canvas.setFont(REGULAR, SIZE)
            self._canvas.drawString(MARGIN, MARGIN, "No rows.")
        for number, page in enumerate(pages or [[]], start=1):
            self._page(page, widths, number)

    def _page(self, lines: Sequence[tuple[Sequence[str], str]], widths: Sequence[float], number: int) -> None:
        canvas = self._canvas
        self._line(self._headings, widths, HEIGHT - MARGIN - LINE, BOLD)
        canvas.setStrokeColor(RULE)
        canvas.line(MARGIN, TOP + LINE - 4, WIDTH - MARGIN, TOP + LINE - 4)
        for index, (row, font) in enumerate(lines):
            height = TOP - index * LINE
            if index % 2:
                self._stripe(height)
            self._line(row, widths, height, font)
        canvas.setFont(REGULAR, SIZE)
        # The first page is the summary.
        canvas.drawRightString(WIDTH - MARGIN, MARGIN / 2, f"page {number + 1}")
        canvas.showPage()

    def _stripe(self, height: float) -> None:
        self._canvas.setFillColor(STRIPE)
        self._canvas.rect(MARGIN - 2, height - 3, WIDTH - 2 * MARGIN + 4, LINE, stroke=0, fill=1)
        self._canvas.setFillGray(0)

    def _line(self, row: Sequence[str], widths: Sequence[float], height: float, font: str) -> None:
        self._canvas.setFont(font, SIZE)
        for text, left, width, is_right in zip(row, _lefts(widths), widths, self._is_right, strict=False):
            cell = self._fitter.clipped(text, width, font=font, size=SIZE)
            if is_right:
                self._canvas.drawRightString(left + width, height, cell)
            else:
                self._canvas.drawString(left, height, cell)


def _lefts(widths: Sequence[float]) -> Iterator[float]:
    left = MARGIN
    for width in widths:
        yield left
        left += width + GAP


def _widths(rows: Sequence[Sequence[str]]) -> list[float]:
    """Return each column's width: what it needs, or less for the widest where the page is too narrow."""
    columns = zip(*rows, strict=True)
    needed = [max(pdfmetrics.stringWidth(text, BOLD, SIZE) for text in column) for column in columns]
    room = WIDTH - 2 * MARGIN - GAP * (len(needed) - 1)
    return [min(width, _cap(needed, room)) for width in needed]


def _cap(needed: Sequence[float], room: float) -> float:
    """Return the greatest width of a column with which all fit into `room`."""
    left = len(needed)
    for width in sorted(needed):
        if width * left > room:
            return room / left
        room -= width
        left -= 1
    return max(needed)
