"""
What differs between the stock product and ours, and whether it is on purpose.

intended.toml is the one list of what is. Whatever else differs is a fault, of ours or of the list.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.outcomes import NOT_RUN, Outcome, Outcomes

INTENDED = Path(__file__).with_name("intended.toml")


@dataclass(frozen=True)
class Intention:
    """
    A difference that a line of the pool's contract asks for, and the tests that show it.

    `is_certain` is False when they show it on some runs only, because they depend on time.
    """

    suite: str
    line: str
    why: str
    tests: tuple[str, ...]
    is_certain: bool = True


@dataclass(frozen=True)
class Difference:
    """A test that ended otherwise on ours."""

    test: str
    stock: Outcome
    ours: Outcome
    intention: Intention | None = None

    @property
    def message(self) -> str:
        """What ours said, or else what stock said."""
        return self.ours.message or self.stock.message


@dataclass
class Comparison:
    """
    One suite on both sides.

    Attributes:
        unexpected: what differs, and no intention lists it.
        intended: what differs on purpose.
        gone: tests that an intention lists, and that end alike, or are no more.
        once: what nobody listed and differed in one of two runs.
    """

    unexpected: list[Difference] = field(default_factory=list)
    intended: list[Difference] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    once: list[Difference] = field(default_factory=list)


def load(path: Path = INTENDED) -> list[Intention]:
    """Return the intentions that the file lists."""
    entries = tomllib.loads(path.read_text()).get("difference", [])
    return [
        Intention(
            each["suite"], each["line"], each["why"], tuple(each["tests"]), not each.get("sometimes", False)
        )
        for each in entries
    ]


def compare(stock: Outcomes, ours: Outcomes, intentions: Iterable[Intention]) -> Comparison:
    """Compare two runs of a suite; `intentions` are this suite's."""
    listed = {test: intention for intention in intentions for test in intention.tests}
    comparison = Comparison()
    for difference in _differing(stock, ours, listed):
        (comparison.intended if difference.intention else comparison.unexpected).append(difference)
    differing = {each.test for each in comparison.intended}
    # One that fails on stock as well, on a busy machine perhaps, says nothing about ours.
    comparison.gone = sorted(
        test
        for test, intention in listed.items()
        if intention.is_certain and test not in differing and not _fails(stock, test)
    )
    return comparison


def confirm(first: Comparison, again: Comparison) -> Comparison:
    """Return what the comparison of a second run confirms; it need not be of the whole suite."""
    twice = {each.test for each in first.unexpected} & {each.test for each in again.unexpected}
    either = {each.test: each for each in (*again.unexpected, *first.unexpected)}
    return Comparison(
        unexpected=[each for each in first.unexpected if each.test in twice],
        intended=first.intended,
        gone=[test for test in first.gone if test in again.gone],
        once=[each for test, each in sorted(either.items()) if test not in twice],
    )


def _fails(outcomes: Outcomes, test: str) -> bool:
    return test in outcomes and outcomes[test].word == "failed"


def _differing(stock: Outcomes, ours: Outcomes, listed: Mapping[str, Intention]) -> list[Difference]:
    missing = Outcome(NOT_RUN)
    pairs = {test: (stock.get(test, missing), ours.get(test, missing)) for test in sorted({*stock, *ours})}
    return [
        Difference(test, one, other, listed.get(test))
        for test, (one, other) in pairs.items()
        if one.word != other.word
    ]
