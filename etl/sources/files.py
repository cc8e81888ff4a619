"""
Files and standard input: JSON Lines or CSV, gzip or plain. The content of a file decides which, not its name.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, dropwhile

from etl.parsing import Dialect
from etl.parsing.pages import Reading, read_row
from etl.rows import Endpoint, Page
from etl.sources import SourceSpec, dialects
from etl.sources.contract import SourceFailed
from etl.sources.csv_rows import CsvRows
from etl.sources.json_lines import PAGE_BYTES, batches, read_lines
from etl.sources.lines import STANDARD_INPUT, Line, opened, refuse_unreadable

PAGE_SIZE = 5_000


def open_source(spec: SourceSpec) -> "File":
    """
    Open the file at `spec.address`; nothing is read yet.

    Raises:
        SourceFailed: the file does not exist, or the currency or the time zone is not known.
    """
    refuse_unreadable(spec.address)
    dialects.dialect_of(spec, now=datetime.now(UTC))
    return File(spec)


class File:
    """A file as a Source. A page's reference is the number of its first line, "" for standard input."""

    def __init__(self, spec: SourceSpec) -> None:
        self.name = spec.name or "file"
        self.endpoints = (spec.endpoint or Endpoint.SALES,)
        self._spec = spec
        self._page_size = spec.page_size or PAGE_SIZE

    def pages(self, endpoint: Endpoint, *, since: datetime | None = None, resume: str = "") -> Iterator[Page]:
        """
        Yield the pages of the file, nothing for an endpoint that it does not hold; see `Source.pages`.

        Raises:
            SourceFailed: it cannot be read, or is neither JSON Lines nor CSV.
        """
        if endpoint not in self.endpoints:
            return
        with opened(self._spec.address) as lines:
            first = next((line for line in lines if not line.content.isspace()), None)
            if first is None:
                return
            for number, reading in self._readings(first, lines, endpoint, _line_number(resume)):
                yield self._page(endpoint, number, reading, since)

    def check(self) -> Iterator[str]:
        """
        Read the first page, see `Source.check`. Standard input is left alone: it can be read once only.

        Raises:
            SourceFailed: the file cannot be read.
        """
        if self._spec.address == STANDARD_INPUT:
            yield "standard input: it is read by a run only"
            return
        page = next(self.pages(self.endpoints[0]), None)
        rows, rejections = (len(page.rows), len(page.rejections)) if page else (0, 0)
        rejected = f", {rejections} of them rejected" if rejections else ""
        yield f"{self._spec.address}: {rows + rejections} rows in the first page{rejected}"

    def close(self) -> None:
        """Do nothing: the file is open only while its pages are read."""

    def _readings(
        self, first: Line, lines: Iterator[Line], endpoint: Endpoint, start: int
    ) -> Iterator[tuple[int, Reading]]:
        """Yield each page's reading with the number of its first line, from line `start` on."""
        begun = first.content.lstrip()
        if begun.startswith(b"["):
            raise SourceFailed(
                f"{self._spec.address} is a JSON list: write its rows one in each line ({_JQ})"
            )
        if begun.rstrip() == b"{":
            raise SourceFailed(f"{self._spec.address} has rows over many lines: write one in each ({_JQ})")
        if not begun.startswith(b"{"):
            return self._csv_readings(CsvRows(first, endpoint), _from(start, lines), endpoint)
        return self._json_readings(_from(start, chain([first], lines)), endpoint)

    def _json_readings(self, lines: Iterator[Line], endpoint: Endpoint) -> Iterator[tuple[int, Reading]]:
        for batch in batches(lines, self._page_size):
            yield batch[0].number, read_lines(batch, endpoint, self._dialect())

    def _csv_readings(
        self, table: CsvRows, lines: Iterator[Line], endpoint: Endpoint
    ) -> Iterator[tuple[int, Reading]]:
        reading, dialect, start, full_at = Reading(), self._dialect(), 0, PAGE_BYTES
        for number, row in table.rows(lines):
            start = start or number
            reading.keep(read_row(row, endpoint, dialect) if isinstance(row, dict) else row)
            if len(reading) >= self._page_size or table.byte_count >= full_at:
                yield start, reading
                reading, dialect, start = Reading(), self._dialect(), 0
                full_at = table.byte_count + PAGE_BYTES
        if len(reading):
            yield start, reading

    def _page(self, endpoint: Endpoint, number: int, reading: Reading, since: datetime | None) -> Page:
        if since is not None:
            reading.leave_out_before(since)
        return reading.page(endpoint, reference="" if self._spec.address == STANDARD_INPUT else str(number))

    def _dialect(self) -> Dialect:
        return dialects.dialect_of(self._spec, now=datetime.now(UTC))


_JQ = "such as jq -c '.[]'"


def _from(start: int, lines: Iterator[Line]) -> Iterator[Line]:
    return dropwhile(lambda line: line.number < start, lines)


def _line_number(reference: str) -> int:
    """Return the line to begin at."""
    if reference and not (reference.isascii() and reference.isdigit()):
        raise SourceFailed(
            f"{reference[:80]!r} is not the number of a line: was another source read under this name?"
        )
    return int(reference or 0)
