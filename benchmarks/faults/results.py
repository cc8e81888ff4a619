"""
Results on disk, one file for each cell: a later run of some cells replaces theirs and leaves the rest.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.result import Result
from benchmarks.systems import SYSTEMS

FOLDER = Path(__file__).resolve().parents[2] / "var" / "faults"

Matrix = Mapping[str, Mapping[str, Result]]  # by fault, by system


def save(result: Result) -> None:
    """Keep `result` for the report."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    _path(result.fault, result.system).write_text(json.dumps(result.as_json()))


def load() -> Matrix:
    """Return every result there is, in the order of the catalogue."""
    return {fault: row for fault in FAULTS if (row := _load_row(fault))}


def _load_row(fault: str) -> dict[str, Result]:
    paths = {system: _path(fault, system) for system in SYSTEMS}
    return {
        system: Result.from_json(json.loads(path.read_text()))
        for system, path in paths.items()
        if path.exists()
    }


def _path(fault: str, system: str) -> Path:
    return FOLDER / f"{fault}.{system}.json"
