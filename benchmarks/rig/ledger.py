"""
What the callers saw: one entry for each request, and the rows acknowledged as committed.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

Row = tuple[int, int]


@dataclass(slots=True)
class Attempt:
    """One request: who, when (monotonic seconds), how long, and how it failed, if it did."""

    writer: int
    started_at: float
    seconds: float
    error: str = ""

    @property
    def ended_at(self) -> float:
        return self.started_at + self.seconds

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Ledger:
    """Every attempt of a cell; threads append, nobody removes."""

    attempts: list[Attempt] = field(default_factory=list)
    acknowledged: list[Row] = field(default_factory=list)
    _running: dict[int, tuple[int, float]] = field(default_factory=dict)

    @contextmanager
    def attempt(self, writer: int, *rows: Row) -> Iterator[None]:
        """Record the block as one request of `writer` that writes `rows`."""
        thread, started, error = threading.get_ident(), monotonic(), ""
        self._running[thread] = (writer, started)
        try:
            yield
            self.acknowledged.extend(rows)
        except Exception as caught:
            error = name_of(caught)
        finally:
            self.attempts.append(Attempt(writer, started, monotonic() - started, error))
            self._running.pop(thread, None)

    def call(self, writer: int, work: Callable[[], object], *rows: Row) -> bool:
        """Run `work` as one request; return whether it succeeded."""
        succeeded = False
        with self.attempt(writer, *rows):
            work()
            succeeded = True
        return succeeded  # noqa: RET504 - the block above keeps the error to itself

    def give_up(self) -> int:
        """Record what still runs as hanging; return how many requests that is."""
        now, hanging = monotonic(), list(self._running.values())
        self.attempts += [Attempt(writer, began, now - began, "hangs") for writer, began in hanging]
        return len(hanging)

    def errors(self) -> dict[str, int]:
        """Return how often each error was seen, the most frequent first."""
        return dict(Counter(a.error for a in self.attempts if a.error).most_common())

    def running_since(self, instant: float) -> bool:
        """Tell whether a request that began before `instant` still runs."""
        return any(began < instant for _, began in list(self._running.values()))


def name_of(error: BaseException) -> str:
    """Return the class of the error that the driver or the pool raised, under its wrappers."""
    while (cause := getattr(error, "orig", None) or error.__cause__) is not None:
        error = cause
    return type(error).__name__
