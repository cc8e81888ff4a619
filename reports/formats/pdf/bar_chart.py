"""
A bar chart, drawn with the PDF's own lines: no picture, and no library for charts.
"""

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from reports.catalogue.contract import Chart
from reports.formats.pdf.text import BOLD, REGULAR, TextFitter

HEIGHT = 130.0
SIZE = 7
COLOUR = HexColor("#4f46e5")
# With more bars than these, their labels would touch: they are turned.
LEVEL_LABELS = 8
LABEL_ROOM = 46.0


def draw_bars(
    canvas: Canvas, chart: Chart, fitter: TextFitter, *, corner: tuple[float, float], width: float
) -> None:
    """Draw `chart` with its title above, a bar for each value and the value on it; in points."""
    left, bottom = corner
    canvas.setFont(BOLD, 11)
    canvas.drawString(left, bottom + LABEL_ROOM + HEIGHT + 16, fitter.clipped(chart.title, width, font=BOLD))
    low, high = min(0.0, *chart.values), max(0.0, *chart.values)
    scale = HEIGHT / ((high - low) or 1.0)
    zero = bottom + LABEL_ROOM - low * scale
    step = width / max(len(chart.values), LEVEL_LABELS)
    for number, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        middle = left + (number + 0.5) * step
        canvas.setFillColor(COLOUR)
        canvas.rect(middle - step * 0.35, zero, step * 0.7, value * scale, stroke=0, fill=1)
        canvas.setFillGray(0)
        canvas.setFont(REGULAR, SIZE)
        canvas.drawCentredString(middle, zero + max(0.0, value) * scale + 2, f"{value:,.0f}")
        if len(chart.values) <= LEVEL_LABELS:
            fitting = fitter.clipped(label, step - 4, size=SIZE)
            canvas.drawCentredString(middle, bottom + LABEL_ROOM - 10, fitting)
        else:
            fitting = fitter.clipped(label, LABEL_ROOM - 6, size=SIZE)
            _draw_upright(canvas, fitting, middle + SIZE / 3, bottom + LABEL_ROOM - 4)
    canvas.line(left, zero, left + width, zero)


def _draw_upright(canvas: Canvas, text: str, x: float, y: float) -> None:
    canvas.saveState()
    canvas.translate(x, y)
    canvas.rotate(90)
    canvas.drawRightString(0, 0, text)
    canvas.restoreState()
