"""
What every system offers to the workload: a request is one `transaction()`.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

POOL_SIZE = 5
POOL_OVERFLOW = 10
POOL_BOUND = POOL_SIZE + POOL_OVERFLOW
POOL_TIMEOUT_SECONDS = 30.0


class Execute(Protocol):
    """Runs one statement on the borrowed connection; placeholders are %s."""

    def __call__(self, statement: str, parameters: Sequence[Any] = (), /) -> Any: ...


class System(Protocol):
    """A pool and the library in front of it, used the way its documentation says."""

    def transaction(self, writer: int) -> AbstractContextManager[Execute]:
        """Borrow a connection, open a transaction; commit at the end and give the connection back."""
        ...

    def second(self, *, independent: bool) -> AbstractContextManager[Execute]:
        """
        Inside a transaction of this thread, do work through another library or connection.

        Args:
            independent: it must commit on its own, whatever becomes of the outer transaction.
        """
        ...

    def take_and_forget(self) -> None:
        """Borrow a connection, use it and never give it back: what a thread does that dies."""
        ...

    def stats(self) -> str:
        """Return what the pool says of itself, for a person."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
