"""
A report's rows from a server-side cursor, a batch at a time, with progress.
"""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any

import sqlalchemy as sa

from core import db
from reports.formats.contract import Content, Format

# Rows that are in memory at once: enough to make the round trips cheap.
BATCH = 5_000
PROGRESS_SECONDS = 0.5


class StreamedRows:
    """
    The rows as `file_format` wants them, in batches; can be read once.

    `count` is the number of rows handed out so far.
    """

    def __init__(
        self,
        connection: sa.Connection,
        content: Content,
        file_format: Format,
        on_progress: Callable[[int, int | None], None],
    ) -> None:
        self.count = 0
        self._connection, self._on_progress = connection, on_progress
        self._takes_lines = file_format.takes_lines
        limit = file_format.row_limit
        rows = content.report.rows(content.parameters)
        self._statement = file_format.shaped(content.report.columns, rows).limit(limit)
        self._expected = content.row_total if limit is None else min(limit, content.row_total)

    def __iter__(self) -> Iterator[Sequence[Any]]:
        self._on_progress(0, self._expected)
        reported_at = monotonic()
        for batch in self._batches():
            self.count += len(batch)
            yield batch
            if monotonic() - reported_at >= PROGRESS_SECONDS:
                self._on_progress(self.count, self._expected)
                reported_at = monotonic()
        self._on_progress(self.count, self._expected)

    def _batches(self) -> Iterator[Sequence[Any]]:
        if self._takes_lines:
            yield from db.stream_texts(self._connection, self._statement, size=BATCH)
            return
        streamed = self._statement.execution_options(stream_results=True, yield_per=BATCH)
        with self._connection.execute(streamed) as result:
            yield from result.partitions()
