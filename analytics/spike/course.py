"""
How a spike went, moment by moment.
"""

from dataclasses import dataclass, field

from analytics.spike.tally import Tally

MOMENT_SECONDS = 0.5


@dataclass(frozen=True)
class Moment:
    """
    What was seen in a moment.

    Attributes:
        at: seconds since the spike began, at its end.
        rate: validations answered rightly, a second.
        p50, p99: milliseconds until an answer; 0 without any.
        failed: validations that were not, since the spike began.
        connections: open at its end.
    """

    at: float
    rate: float
    p50: float
    p99: float
    failed: int
    connections: int


@dataclass
class Course:
    """
    The moments of one spike.

    Attributes:
        name: of the system.
        bound: the most connections that it may have.
    """

    name: str
    bound: int
    moments: list[Moment] = field(default_factory=list)
    total: Tally = field(default_factory=Tally)
    _current: Tally = field(default_factory=Tally)

    def add(self, tally: Tally, *, at: float, connections: int) -> None:
        """Add what was seen until `at`, in seconds since the spike began."""
        self.total.add(tally)
        self._current.add(tally)
        before = self.moments[-1].at if self.moments else 0.0
        if at - before < MOMENT_SECONDS:
            return
        current, self._current = self._current, Tally()
        self.moments.append(
            Moment(
                at=at,
                rate=current.outcomes.total() / (at - before),
                p50=current.percentile(50),
                p99=current.percentile(99),
                failed=self.total.faults.total(),
                connections=connections,
            )
        )

    @property
    def most_connections(self) -> int:
        """The most that were open at the end of a moment."""
        return max((moment.connections for moment in self.moments), default=0)

    @property
    def rate(self) -> float:
        """Validations a second, over all moments."""
        return self.total.outcomes.total() / self.moments[-1].at if self.moments else 0.0
