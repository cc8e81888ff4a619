"""
Text as PDF prints it: grouped numbers, and a font with Latin, Greek and Cyrillic letters.

What the font lacks (Arabic, Chinese, emoji...) is printed as a replacement character; the first page says so.
"""

from collections.abc import Container
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from reports.catalogue.contract import Kind
from reports.formats.money import money_text

REGULAR, BOLD = "SourceSansPro-Regular", "SourceSansPro-Bold"
MISSING = "\u25a0"
ELLIPSIS = "…"


def printed_text(value: Any, kind: Kind = Kind.TEXT) -> str:
    """Return a cell as a person reads it: "1,234", "12.50", "25.00 %", "2025-06-01 20:00:00"."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if kind is Kind.SHARE:
        return f"{value * 100:.2f} %"
    if isinstance(value, Decimal):
        return money_text(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


class TextFitter:
    """Fits texts to the font and to a width, and remembers whether a character could not be printed."""

    def __init__(self) -> None:
        self._known = _known_characters()
        self.has_replaced = False

    def printable(self, text: str) -> str:
        """Return `text` on one line, with MISSING for each character that the font does not have."""
        line = " ".join(text.split())
        if all(ord(character) in self._known for character in line):
            return line
        self.has_replaced = True
        return "".join(each if ord(each) in self._known else MISSING for each in line)

    def clipped(self, text: str, width: float, *, font: str = REGULAR, size: float = 8) -> str:
        """Return what of `text` fits into `width` points, ending in "…" where something was left out."""
        line = self.printable(text)
        if pdfmetrics.stringWidth(line, font, size) <= width:
            return line
        low, high = 0, len(line)
        while low < high:
            middle = (low + high + 1) // 2
            fits = pdfmetrics.stringWidth(line[:middle] + ELLIPSIS, font, size) <= width
            low, high = (middle, high) if fits else (low, middle - 1)
        return line[:low].rstrip() + ELLIPSIS


@cache
def _known_characters() -> Container[int]:
    """Register both fonts, and return the code points that both have."""
    folder = files("font_source_sans_pro") / "files"
    known = []
    for name in (REGULAR, BOLD):
        font = TTFont(name, str(folder / f"{name}.ttf"))
        pdfmetrics.registerFont(font)
        known.append(set(font.face.charToGlyph))
    return known[0] & known[1]
