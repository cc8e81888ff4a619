"""
What clients saw: answers by outcome, what was wrong, and how long each took.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

# A latency is kept as the step of 5 % that it falls into: so many numbers hold a million of them.
_STEP = math.log(1.05)


@dataclass
class Tally:
    """
    What one client, or all of them, saw.

    Attributes:
        outcomes: right answers, by outcome.
        faults: wrong answers, and none, by what was wrong.
        latencies: answers by the logarithm of their milliseconds, rounded up.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    latencies: Counter[int] = field(default_factory=Counter)

    def note(self, seconds: float) -> None:
        """Count an answer that took so long."""
        self.latencies[math.ceil(math.log(max(seconds, 1e-6) * 1000) / _STEP)] += 1

    def add(self, other: "Tally") -> None:
        """Add what another client saw."""
        self.outcomes.update(other.outcomes)
        self.faults.update(other.faults)
        self.latencies.update(other.latencies)

    def as_json(self) -> dict[str, Any]:
        """Return it for another process."""
        return {"outcomes": self.outcomes, "faults": self.faults, "latencies": self.latencies}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Read what `as_json` returned."""
        latencies = {int(step): count for step, count in given["latencies"].items()}
        return cls(Counter(given["outcomes"]), Counter(given["faults"]), Counter(latencies))

    @property
    def request_count(self) -> int:
        """Requests sent, answered or not."""
        return self.outcomes.total() + self.faults.total()

    def percentile(self, percent: float) -> float:
        """Return the milliseconds, to 5 %, that so many of the answers did not exceed; 0.0 without any."""
        wanted = math.ceil(self.latencies.total() * percent / 100)
        for step in sorted(self.latencies):
            wanted -= self.latencies[step]
            if wanted <= 0:
                return math.exp(step * _STEP)
        return 0.0
