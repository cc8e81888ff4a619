"""
What a cell measured, as the JSON that it prints and the report reads.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from benchmarks.rig.ledger import Attempt, Row

# How long after the last request a cell counts its connections again.
LATER_SECONDS = 60.0
# The line that a cell prints when that is all it waits for.
LINGERS = "lingers"


@dataclass
class Result:
    """One cell. Durations are seconds; None where there is nothing to say, or it did not happen."""

    fault: str
    system: str
    requests: int = 0
    failed: int = 0
    failed_after_return: int = 0  # began when the server was back already
    hanging: int = 0  # had no answer when the cell ended
    slowest_seconds: float = 0.0
    first_success_seconds: float | None = None
    full_service_seconds: float | None = None
    connections_peak: int = 0
    connections_later: int = 0
    later_seconds: float = 0.0
    slots_lost: int = 0
    rows_missing: int = 0
    rows_twice: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    timeline: list[tuple[int, int]] = field(default_factory=list)  # (served, failed) in each second
    crashed: str = ""  # the cell itself failed: its last words

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


def count_requests(result: Result, attempts: Sequence[Attempt], returned_at: float) -> None:
    """Fill in what follows from the attempts and from when the server returned."""
    failures = [attempt for attempt in attempts if attempt.error]
    result.requests, result.failed = len(attempts), len(failures)
    result.failed_after_return = sum(attempt.started_at >= returned_at for attempt in failures)
    result.hanging = sum(attempt.error == "hangs" for attempt in attempts)
    result.slowest_seconds = max((attempt.seconds for attempt in attempts), default=0.0)
    result.errors = dict(Counter(attempt.error for attempt in failures).most_common())


def time_recovery(
    result: Result, attempts: Sequence[Attempt], returned_at: float, writers: Sequence[int]
) -> None:
    """Fill in how long after the server's return the first, and every, writer was served for good."""
    since = [attempt for attempt in attempts if attempt.ended_at >= returned_at]
    firsts: dict[int, float] = {}
    for attempt in sorted(since, key=lambda attempt: attempt.ended_at):
        if not attempt.error:
            firsts.setdefault(attempt.writer, attempt.ended_at - returned_at)
    if firsts:
        result.first_success_seconds = min(firsts.values())
    last_failure = max((a.ended_at - returned_at for a in since if a.error), default=0.0)
    is_over = not any(attempt.error == "hangs" for attempt in since)
    if firsts.keys() >= set(writers) and is_over and _served_after(since, last_failure + returned_at):
        result.full_service_seconds = max(last_failure, *firsts.values())


def _served_after(attempts: Sequence[Attempt], instant: float) -> bool:
    return any(not attempt.error and attempt.ended_at > instant for attempt in attempts)


def count_rows(result: Result, acknowledged: Sequence[Row], written: Sequence[Row]) -> None:
    """Compare the acknowledged rows with what the table holds."""
    found = Counter(written)
    result.rows_missing = len(set(acknowledged) - found.keys())
    result.rows_twice = sum(times > 1 for times in found.values())


def draw_timeline(result: Result, attempts: Sequence[Attempt], began_at: float) -> None:
    """Count served and failed requests in each second since `began_at`."""
    served = Counter(int(a.ended_at - began_at) for a in attempts if not a.error)
    failed = Counter(int(a.ended_at - began_at) for a in attempts if a.error)
    last = max([*served, *failed], default=-1)
    result.timeline = [(served[second], failed[second]) for second in range(last + 1)]
