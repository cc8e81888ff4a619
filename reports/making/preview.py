"""
The beginning of a report, to show before anybody downloads it.

It is kept while the file is made, from the same rows: showing it later reads neither the file nor the data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.catalogue.contract import Figure, Report
from reports.formats.contract import Batches, Format
from reports.formats.plain import plain_text

ROW_COUNT = 20
# Characters of a cell: more would push the other columns off the page.
LONGEST_CELL = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """
    Headings, the first rows and the figures, all as text; a cell that is too long for a page ends in "…".

    `figures` are pairs of label and value, money with its currency: ("Total Revenue", "12.5000 EUR").
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Sequence[tuple[str, str]]

    def to_json(self) -> dict[str, Any]:
        """Return what a JSONField keeps."""
        return {
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "figures": [list(figure) for figure in self.figures],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Preview":
        """Return what `to_json` was called on; an empty preview for `{}`."""
        figures = [(label, value) for label, value in stored.get("figures", [])]
        return cls(columns=stored.get("columns", []), rows=stored.get("rows", []), figures=figures)


class FirstRows:
    """Keeps the first rows of those that pass through it."""

    def __init__(self, batches: Batches, file_format: Format) -> None:
        self._batches, self._format = batches, file_format
        self._rows: list[Sequence[str]] = []

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for batch in self._batches:
            missing = ROW_COUNT - len(self._rows)
            self._rows.extend(list(map(_clipped, self._format.texts(row))) for row in batch[:missing])
            yield batch

    def preview(self, report: Report, figures: Sequence[Figure]) -> Preview:
        """Return the preview of what has passed."""
        return Preview(
            columns=[column.heading for column in report.columns],
            rows=self._rows,
            figures=[(each.label, f"{plain_text(each.value)} {each.currency}".strip()) for each in figures],
        )


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
