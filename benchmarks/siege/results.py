"""
Results on disk, one file for each cell: a later run of some cells replaces theirs and leaves the rest.
"""

import json
from collections.abc import Mapping

from benchmarks.siege.attacks import ATTACKS
from benchmarks.siege.result import Result
from benchmarks.siege.stage import ROOT, SYSTEMS

FOLDER = ROOT / "var" / "siege"

Matrix = Mapping[str, Mapping[str, Result]]  # by attack, by system


def save(result: Result) -> None:
    """Keep `result` for the report."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{result.attack}.{result.system}.json").write_text(json.dumps(result.as_json()))


def load() -> Matrix:
    """Return every result there is, in the order of the attacks."""
    return {attack: row for attack in ATTACKS if (row := _row(attack))}


def _row(attack: str) -> dict[str, Result]:
    paths = {system: FOLDER / f"{attack}.{system}.json" for system in SYSTEMS}
    return {
        system: Result.from_json(json.loads(path.read_text()))
        for system, path in paths.items()
        if path.exists()
    }
