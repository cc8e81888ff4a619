"""
What a suite is: where its tests come from, and how to run them on either side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, LiteralString, Protocol

Side = Literal["stock", "ours"]
SIDES: tuple[Side, ...] = ("stock", "ours")


class Source(Protocol):
    """Where the tests of a suite come from: `benchmarks.peers.sources` has some."""

    @property
    def label(self) -> str:
        """What the document calls it: a package and its version."""

    def folder(self) -> Path:
        """
        Return the folder to run the tests in, fetched when it is not there yet.

        Raises:
            NotHere: it cannot be had on this machine.
        """


@dataclass(frozen=True)
class Run:
    """
    One suite on one side.

    Attributes:
        folder: of the source, the working directory.
        url: of a database of the run's own.
        scratch: a folder of the run's own.
        files: the tests to run; empty for all of the suite.
    """

    side: Side
    folder: Path
    url: str
    scratch: Path
    files: Sequence[str] = ()


@dataclass(frozen=True)
class Suite:
    """
    Other people's tests.

    Attributes:
        command: the arguments of Python that run them.
        environment: variables on top of those that every suite gets.
        file_of: the part of a test's name that `command` takes in `Run.files`.
        extensions: of Postgres, created in the run's database where this Postgres has them.
        statements: run in the run's database before the tests.
        needs_quiet: it measures time, so nothing runs beside it.
        limit_seconds: the whole run on one side ends after so long, and says so.
        test_seconds: a test is interrupted, and has failed, after so long.
    """

    name: str
    title: str
    source: Source
    command: Callable[[Run], Sequence[str]]
    file_of: Callable[[str], str]
    environment: Callable[[Run], Mapping[str, str]] = lambda _run: {}
    extensions: Sequence[str] = ()
    statements: Sequence[LiteralString] = ()
    needs_quiet: bool = False
    limit_seconds: float = 900.0
    test_seconds: float = 60.0
