"""
The siege as a picture, in docs/charts.
"""

from collections.abc import Mapping

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.siege.attacks import ATTACKS
from benchmarks.siege.result import Result
from benchmarks.siege.results import Matrix
from benchmarks.siege.stage import ROOT, SYSTEMS

FOLDER = ROOT / "docs" / "charts"
FILE = "siege.png"
TITLE = "Scans of 100 that were answered within a second, during each attack"
COLOURS = {"turnstile": "#1b7837", "stock": "#2166ac"}
HEIGHT = 0.4


def draw(matrix: Matrix) -> None:
    """Draw a pair of bars for each attack."""
    mpl.use("Agg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(10, 7), layout="constrained")
    names = [*matrix][::-1]
    for number, system in enumerate(reversed(SYSTEMS)):
        places = [index + (number - 0.5) * HEIGHT for index in range(len(names))]
        bars = axes.barh(
            places,
            [_served(matrix[name], system) for name in names],
            HEIGHT,
            color=COLOURS[system],
            label=SYSTEMS[system],
        )
        axes.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), [ATTACKS[name].title for name in names])
    axes.set_xlim(0, 108)
    axes.set_xlabel("of 100 scans")
    axes.set_title(TITLE)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", reverse=True)
    # No date and no version: the same numbers give the same file.
    figure.savefig(FOLDER / FILE, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _served(row: Mapping[str, Result], system: str) -> float:
    result = row.get(system)
    return 100 * result.in_time / max(1, result.shown) if result else 0.0
