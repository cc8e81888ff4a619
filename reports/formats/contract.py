"""
What a format is: how it wants the cells from Postgres, and how it writes them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa

from reports.catalogue.contract import Chart, Column, Figure, Parameters, Report
from reports.formats.plain import plain_text

# Of rows: each a tuple with a value for each column, or one line in UTF-8.
Batches = Iterable[Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """
    What a file says besides its rows, read in the rows' own transaction.

    Attributes:
        row_total: how many rows the report has, whether or not the format prints them all.
        etl_run_id: the newest ETL run that it reflects; None when there was none.
    """

    report: Report
    parameters: Parameters
    generated_at: datetime
    figures: Sequence[Figure]
    chart: Chart | None
    row_total: int
    etl_run_id: int | None


class Format(ABC):
    """One way to write a report. It reads no database, and never holds all rows."""

    suffix: ClassVar[str]
    content_type: ClassVar[str]
    # How many rows it prints at most; None for all.
    row_limit: ClassVar[int | None] = None

    # Whether Postgres makes one text of each row, which reaches `write` and `texts` as bytes in UTF-8.
    takes_lines: ClassVar[bool] = False

    def shaped(self, columns: Sequence[Column], rows: sa.Select[Any]) -> sa.Select[Any]:
        """Return the statement that answers with a report's `rows` as `write` wants them, in their order."""
        cells = (self.cell(column, rows.selected_columns[column.name]) for column in columns)
        return rows.with_only_columns(*cells, maintain_column_froms=True)

    def cell(self, column: Column, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return what Postgres answers for a cell; the value itself unless overridden."""
        return value

    def texts(self, row: Any) -> list[str]:
        """Return a row of `shaped` as text, a cell for each column, for the preview."""
        return [plain_text(cell) for cell in row]

    @abstractmethod
    def write(self, path: Path, content: Content, batches: Batches) -> None:
        """Write the file: `content`, and every row of `batches`, which is as `shaped` asked."""
