"""
How the tests of one run ended, read from the notes that the run left.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

NOT_RUN = "not run"
# A test is noted at its set-up, its call and its clean-up, and for each part that failed: the worst counts.
WORST_FIRST = ("failed", "xpassed", "skipped", "xfailed", "passed")
# SQLAlchemy's classes carry the server's version: the same test, whatever Postgres is here.
_SERVER = re.compile(r"_postgresql\+psycopg[\d_]*(?=::|$)")


@dataclass(frozen=True)
class Outcome:
    """How one test ended, and its error's first line."""

    word: str
    message: str = ""


Outcomes = Mapping[str, Outcome]


def read(record: Path) -> dict[str, Outcome]:
    """Return how each test of the record ended; nothing when there is none."""
    return parse(record.read_text().splitlines() if record.exists() else [])


def parse(lines: Iterable[str]) -> dict[str, Outcome]:
    """Return how each test ended, from lines of JSON; a line that was cut short is left out."""
    found: dict[str, Outcome] = {}
    for line in lines:
        if (noted := _load(line)) is None:
            continue
        test, outcome = _SERVER.sub("", noted["test"]), Outcome(noted["outcome"], noted["message"])
        found[test] = _worse(found.get(test, outcome), outcome)
    return found


def _load(line: str) -> dict[str, str] | None:
    try:
        noted: dict[str, str] = json.loads(line)
    except ValueError:
        return None
    return noted


def _worse(one: Outcome, other: Outcome) -> Outcome:
    return min(one, other, key=lambda outcome: WORST_FIRST.index(outcome.word))


def count(outcomes: Outcomes) -> Counter[str]:
    """Return how many tests ended in each way."""
    return Counter(outcome.word for outcome in outcomes.values())
