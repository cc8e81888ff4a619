"""
What a siege found: how the scanners fared, and whether the rows agree with what they were told.
"""

import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from benchmarks.siege.scanners import PATIENCE

ADMITTED = "admitted"
# A scan that was answered so late, or not at all, was not served.
SLOW_SECONDS = 1.0
PROBE_SECONDS = 1.0


@dataclass(frozen=True)
class Result:
    """
    One attack on one system. Times are in seconds.

    Attributes:
        shown: scans that began while the attack lasted; `in_time` of them were served within a second.
        answered: those that were served at all; `median` and `p99` are of those.
        failures: the others, by what was said instead, also after the attack.
        overdue: scans that had no answer of any kind within their patience.
        recovery: from the end of the attack until every scan was answered within a second; None: never.
        probes: how often monitoring asked; `probes_late`, and `probe_worst` of `/health` alone.
        missing: admitted, as the scanner was told, and not stored.
        contradicted: stored as admitted, and the scanner was told otherwise.
        stored_late: stored as admitted later than the scanner waited.
    """

    attack: str
    system: str
    seconds: float
    shown: int
    in_time: int
    answered: int
    median: float
    p99: float
    failures: Mapping[str, int]
    overdue: int
    recovery: float | None
    probes: int
    probes_late: int
    health_late: int
    probe_worst: float
    missing: int
    contradicted: int
    stored_late: int
    crashed: str = ""

    @property
    def failed(self) -> int:
        """Scans that were not served."""
        return sum(self.failures.values())

    def as_json(self) -> dict[str, Any]:
        """Return it as `from_json` takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Result":
        return cls(**fields)


def judge(
    lines: Sequence[Mapping[str, Any]],
    stored: Mapping[str, float],
    *,
    attack: str,
    system: str,
    window: tuple[float, float],
) -> Result:
    """
    Compare what the scanners noted with what is stored.

    Args:
        lines: the scanners' notes.
        stored: when each admission was committed, by the scan's id.
        attack: what was tried.
        system: on whom.
        window: when the attack began and ended. Times are of this machine's clock.
    """
    scans = [line for line in lines if "scan" in line]
    probes = [line for line in lines if "probe" in line and line["begun"] >= window[0]]
    begun, ended = window
    during = [scan for scan in scans if begun <= scan["begun"] < ended and _is_served(scan)]
    took = [scan["ended"] - scan["begun"] for scan in during]
    later = [scan for scan in scans if scan["begun"] >= begun]
    health = [line for line in probes if line["probe"] == "/health"]
    verdict = _against(scans, stored)
    return Result(
        attack=attack,
        system=system,
        seconds=ended - begun,
        shown=sum(begun <= scan["begun"] < ended for scan in scans),
        in_time=sum(seconds <= SLOW_SECONDS for seconds in took),
        answered=len(during),
        median=statistics.median(took) if took else 0.0,
        p99=_p99(took),
        failures=dict(Counter(scan["said"] for scan in later if not _is_served(scan)).most_common()),
        overdue=sum(scan["said"] == "no answer" for scan in later),
        recovery=_recovery(later, ended),
        probes=len(probes),
        probes_late=sum(map(_is_late, probes)),
        health_late=sum(map(_is_late, health)),
        probe_worst=max((line["ended"] - line["begun"] for line in health), default=0.0),
        missing=verdict.missing,
        contradicted=verdict.contradicted,
        stored_late=verdict.stored_late,
    )


class Verdict(NamedTuple):
    """
    How many scans' rows and answers disagree; see `Result`.
    """

    missing: int
    contradicted: int
    stored_late: int


def _against(scans: Iterable[Mapping[str, Any]], stored: Mapping[str, float]) -> Verdict:
    missing = contradicted = stored_late = 0
    for scan in scans:
        at = stored.get(scan["scan"])
        if scan["said"] == ADMITTED:
            missing += at is None
        elif at is not None:
            # Without an answer the scanner knows nothing: it asks again. What it must not be is too late.
            contradicted += scan["said"] != "no answer"
            stored_late += at > scan["begun"] + PATIENCE
    return Verdict(missing, contradicted, stored_late)


def _is_served(scan: Mapping[str, Any]) -> bool:
    return bool(scan["said"] == ADMITTED)


def _is_late(probe: Mapping[str, Any]) -> bool:
    return bool(probe["ended"] - probe["begun"] > PROBE_SECONDS)


def _p99(took: Collection[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)] if took else 0.0


def _recovery(scans: Iterable[Mapping[str, Any]], ended: float) -> float | None:
    """Return how long after the attack the last scan ended that was not served within a second."""
    after = [scan for scan in scans if scan["ended"] >= ended]
    bad = [scan for scan in after if not _is_served(scan) or scan["ended"] - scan["begun"] > SLOW_SECONDS]
    if not bad:
        return 0.0
    last = max(scan["ended"] for scan in bad)
    good = [scan for scan in after if scan["begun"] >= last and _is_served(scan)]
    return last - ended if good else None
