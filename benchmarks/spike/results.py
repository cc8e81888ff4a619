"""
Results on disk, one file for each system and number of clients: a later run of some replaces theirs.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.spike.cell import CLIENTS, Round
from benchmarks.spike.service import ROOT
from benchmarks.spike.systems import SYSTEMS

FOLDER = ROOT / "var" / "spike"
_LIMITS = FOLDER / "limits.json"


class Rounds(list[Round]):
    """The rounds of one cell."""

    def median(self, name: str) -> float:
        """Return the median of a figure."""
        return median(float(getattr(each, name)) for each in self)

    def range(self, name: str) -> tuple[float, float]:
        """Return the lowest and the highest."""
        figures = [float(getattr(each, name)) for each in self]
        return min(figures), max(figures)


Matrix = Mapping[int, Mapping[str, Rounds]]  # by clients, by system


def save(system: str, clients: int, rounds: Sequence[Round]) -> None:
    """Keep the rounds of a cell for the report."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    _path(system, clients).write_text(json.dumps([each.as_json() for each in rounds]))


def load() -> Matrix:
    """Return every result there is."""
    return {clients: row for clients in CLIENTS if (row := _row(clients))}


def save_limits(limits: Mapping[str, float]) -> None:
    """Keep what the database alone does, by what and how many processes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    _LIMITS.write_text(json.dumps(limits))


def load_limits() -> Mapping[str, float]:
    """Return it; empty where it was not measured."""
    found: Mapping[str, float] = json.loads(_LIMITS.read_text()) if _LIMITS.exists() else {}
    return found


def _row(clients: int) -> dict[str, Rounds]:
    paths = {system: _path(system, clients) for system in SYSTEMS}
    return {
        system: Rounds(Round(**each) for each in json.loads(path.read_text()))
        for system, path in paths.items()
        if path.exists()
    }


def _path(system: str, clients: int) -> Path:
    return FOLDER / f"{system}.{clients}.json"
