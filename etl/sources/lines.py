"""
The lines of a file or of standard input, gzip or plain, one at a time: memory does not grow with the file.
"""

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, cast

from etl.sources.contract import SourceFailed

STANDARD_INPUT = "-"
# Of a longer line only the beginning is kept, and the line is rejected.
MAXIMUM_BYTES = 1024 * 1024

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """One line with its end; `number` counts from 1. One that is too long ends at MAXIMUM_BYTES + 1."""

    number: int
    content: bytes

    @property
    def is_too_long(self) -> bool:
        """Whether the rest of the line was left out."""
        return len(self.content) > MAXIMUM_BYTES


def refuse_unreadable(address: str) -> None:
    """
    Check that a file exists, without reading it.

    Raises:
        SourceFailed: it does not exist, or is a folder.
    """
    path = Path(address)
    if address == STANDARD_INPUT:
        return
    try:
        if path.is_dir():
            raise SourceFailed(f"{address} is a folder: name a file in it, one after the other")
        if not path.exists():
            raise SourceFailed(
                f"there is no file {address}: give a path, an https:// address, or - for input"
            )
    except OSError as error:
        raise SourceFailed(f"{address} cannot be opened: {error.strerror}") from None


@contextmanager
def opened(address: str) -> Iterator[Iterator[Line]]:
    """
    Open a file, or standard input for "-", and give its lines, without a byte order mark.

    Raises:
        SourceFailed: it cannot be opened or read to its end, is damaged, or is UTF-16.
    """
    try:
        with _stream(address) as stream:
            yield _lines(address, _unpacked(stream))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceFailed(f"{_called(address)} is damaged gzip ({error}): copy it once more") from None
    except OSError as error:
        raise SourceFailed(f"{_called(address)} cannot be read: {error.strerror or error}") from None


@contextmanager
def _stream(address: str) -> Iterator[BufferedReader]:
    if address == STANDARD_INPUT:
        # Not closed: it belongs to the process.
        yield cast("BufferedReader", sys.stdin.buffer)
    else:
        with Path(address).open("rb") as file:
            yield file


def _unpacked(stream: BufferedReader) -> BufferedReader | gzip.GzipFile:
    # Peek, and never seek: standard input cannot go back.
    return gzip.GzipFile(fileobj=stream) if stream.peek(len(_GZIP)).startswith(_GZIP) else stream


def _lines(address: str, stream: BufferedReader | gzip.GzipFile) -> Iterator[Line]:
    number = 0
    while content := stream.readline(MAXIMUM_BYTES + 1):
        number += 1
        if number == 1:
            if content.startswith(_UTF16):
                raise SourceFailed(f"{_called(address)} is UTF-16: save it as UTF-8")
            content = content.removeprefix(_BOM)
        yield Line(number, content)
        if len(content) > MAXIMUM_BYTES:
            _skip_the_rest(stream)


def _skip_the_rest(stream: BufferedReader | gzip.GzipFile) -> None:
    while (rest := stream.readline(MAXIMUM_BYTES)) and not rest.endswith(b"\n"):
        pass


def _called(address: str) -> str:
    return "standard input" if address == STANDARD_INPUT else address
