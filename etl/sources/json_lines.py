"""
JSON Lines: one row in each line. A line that cannot be read is rejected with its number; the others are read.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from etl.parsing import Dialect
from etl.parsing.pages import Reading, parse_json, read_row, read_rows
from etl.parsing.upstream_fields import UpstreamEvent, UpstreamSale
from etl.rows import Endpoint, Rejection
from etl.sources.lines import MAXIMUM_BYTES, Line

# A page ends there, however few rows it has by then.
PAGE_BYTES = 16 * 1024 * 1024
# As much of a line as its rejection keeps.
_KEPT = 10_000

_DECODERS: dict[Endpoint, msgspec.json.Decoder[Any]] = {
    Endpoint.SALES: msgspec.json.Decoder(UpstreamSale, float_hook=Decimal),
    Endpoint.EVENTS: msgspec.json.Decoder(UpstreamEvent, float_hook=Decimal),
}


def batches(lines: Iterable[Line], size: int) -> Iterator[list[Line]]:
    """Yield lists of at most `size` lines that are not blank, and of a bounded number of bytes."""
    batch: list[Line] = []
    total = 0
    for line in lines:
        if line.content.isspace():
            continue
        batch.append(line)
        total += len(line.content)
        if len(batch) >= size or total >= PAGE_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def read_lines(batch: list[Line], endpoint: Endpoint, dialect: Dialect) -> Reading:
    """Return the rows of the lines: at once when each is one object, else line by line."""
    contents = [line.content.strip() for line in batch]
    try:
        # With a brace at each end of each line, as many objects as lines means one in each.
        if all(content[:1] == b"{" and content[-1:] == b"}" for content in contents):
            rows = _DECODERS[endpoint].decode_lines(b"\n".join(contents))
            if len(rows) == len(contents):
                return read_rows(rows, endpoint, dialect, lambda: [parse_json(line) for line in contents])
    except (ValueError, RecursionError):
        pass  # One line cannot be read: line by line, that one alone is rejected.
    reading = Reading()
    for line in batch:
        _read_line(line, endpoint, dialect, reading)
    return reading


def rejected_line(number: int, content: bytes, reason: str, *, last: int | None = None) -> Rejection:
    """Return the rejection of a line, or of those from `number` to `last`, with what is text in it."""
    text = content[:_KEPT].decode("utf-8", "backslashreplace").rstrip("\r\n")
    where = f"line {number}" if last in {None, number} else f"line {number} to {last}"
    return Rejection({"line": number, "text": text}, "", "", f"{where} {reason}")


def _read_line(line: Line, endpoint: Endpoint, dialect: Dialect, reading: Reading) -> None:
    try:
        if line.is_too_long:
            reason = f"is longer than {MAXIMUM_BYTES} bytes: write one row in each line"
            reading.keep(rejected_line(line.number, line.content, reason))
            return
        payload = parse_json(line.content.strip())
    except UnicodeDecodeError as error:
        reading.keep(rejected_line(line.number, line.content, f"is not UTF-8 from byte {error.start + 1} on"))
    except ValueError as error:
        reading.keep(rejected_line(line.number, line.content, f"is not JSON: {error}"[:200]))
    else:
        reading.keep(read_row(payload, endpoint, dialect))
