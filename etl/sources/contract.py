"""
What the ETL asks of a source. Adding one is a module here, its line in `etl.sources`, and a test file.

A source touches no database: it reads, types and rejects.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from etl.rows import Endpoint, Page


class SourceFailed(RuntimeError):
    """
    The source cannot be read; the message says what it answered and what to do. It carries no secret.
    """


class Source(Protocol):
    """
    Something that sales come from.

    Attributes:
        name: what its rows, cursor and lease are kept under, such as "upstream".
        endpoints: what it can be asked for.
    """

    name: str
    endpoints: tuple[Endpoint, ...]

    def pages(self, endpoint: Endpoint, *, since: datetime | None = None, resume: str = "") -> Iterator[Page]:
        """
        Yield the pages of `endpoint` with every row whose timestamp is `since` or later, None for all.

        `resume` is the `reference` of a page of an earlier call with the same `since`: begin there.

        Raises:
            SourceFailed: a page could not be read.
        """
        ...

    def check(self) -> Iterator[str]:
        """
        Yield a line for each thing that was tried and worked: reached, authorised, one page of each endpoint.

        Raises:
            SourceFailed: the first that did not work.
        """
        ...

    def close(self) -> None:
        """Close sockets and files; a second call does nothing."""
        ...
