"""
The most telling faults as pictures, in docs/charts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle

from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.result import Result
from benchmarks.faults.results import Matrix
from benchmarks.faults.table import label, seconds
from benchmarks.systems import SYSTEMS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "charts"
COLOURS = dict(zip(SYSTEMS, ("#1b7837", "#2166ac", "#67a9cf", "#b2182b", "#ef8a62", "#999999"), strict=True))
# Colours run from this to that many seconds; "never" is drawn as the last.
SECONDS_RANGE = (0.02, 100.0)


@dataclass(frozen=True)
class Chart:
    """One picture of the matrix."""

    file: str
    title: str
    draw: Callable[[Matrix, Axes], None]


def draw(matrix: Matrix) -> None:
    """Draw every chart into docs/charts."""
    mpl.use("Agg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for chart in CHARTS:
        figure, axes = plt.subplots(figsize=(10, 4.5), layout="constrained")
        chart.draw(matrix, axes)
        axes.set_title(chart.title)
        axes.spines[["top", "right"]].set_visible(False)
        # No date and no version: the same numbers give the same file.
        figure.savefig(FOLDER / chart.file, dpi=110, metadata={"Software": None})
        plt.close(figure)


def _recovery(matrix: Matrix, axes: Axes) -> None:
    scale = LogNorm(*SECONDS_RANGE, clip=True)
    _grid(matrix, axes, scale, _recovery_seconds, lambda result: seconds(result.full_service_seconds))


def _recovery_seconds(result: Result) -> float:
    value = result.full_service_seconds
    return SECONDS_RANGE[1] if value is None else value


def _late(matrix: Matrix, axes: Axes) -> None:
    some = {name: row for name, row in matrix.items() if any(r.failed_after_return for r in row.values())}
    height = lambda result: result.failed_after_return + 1.0
    _grid(some, axes, LogNorm(1, 1000, clip=True), height, lambda result: f"{result.failed_after_return:,}")


def _slots(matrix: Matrix, axes: Axes) -> None:
    some = {name: row for name, row in matrix.items() if any(r.slots_lost for r in row.values())}
    _grid(some, axes, Normalize(0, 15), lambda result: float(result.slots_lost), lambda r: str(r.slots_lost))


def _deadlock(matrix: Matrix, axes: Axes) -> None:
    faults = [name for name in ("two_borrowers_20", "two_borrowers_60", "both_libraries") if name in matrix]
    _bars(matrix, axes, faults, lambda result: float(result.facts.get("all_answered_seconds", 0.0)))
    axes.set_ylabel("seconds until all had an answer")


def _spike(matrix: Matrix, axes: Axes) -> None:
    _bars(
        matrix,
        axes,
        [name for name in ("slow_connect",) if name in matrix],
        lambda result: float(result.facts.get("peak_of_the_spike", 0)),
    )
    axes.set_ylabel("connections at the peak, 5 before")


def _bars(matrix: Matrix, axes: Axes, faults: Sequence[str], height: Callable[[Result], float]) -> None:
    width = 0.8 / len(SYSTEMS)
    for index, system in enumerate(SYSTEMS):
        places = [place + (index - len(SYSTEMS) / 2 + 0.5) * width for place in range(len(faults))]
        results = [matrix[name].get(system) for name in faults]
        heights = [height(result) if result and not result.crashed else 0.0 for result in results]
        drawn = axes.bar(places, heights, width, color=COLOURS[system], label=label(system))
        axes.bar_label(drawn, fmt="%.3g", fontsize=8)
    axes.set_xticks(range(len(faults)), [FAULTS[name].title.replace(", ", ",\n") for name in faults])
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _grid(
    matrix: Matrix,
    axes: Axes,
    scale: Normalize,
    value: Callable[[Result], float],
    words: Callable[[Result], str],
) -> None:
    for line, row in enumerate(matrix.values()):
        for column, system in enumerate(SYSTEMS):
            result = row.get(system)
            if result and not result.crashed:
                colour = mpl.colormaps["RdYlGn_r"](scale(value(result)), alpha=0.75)
                axes.add_patch(Rectangle((column, line), 1, 1, facecolor=colour, edgecolor="white"))
                axes.text(column + 0.5, line + 0.5, words(result), ha="center", va="center", fontsize=8)
    axes.set(xlim=(0, len(SYSTEMS)), ylim=(len(matrix), 0))
    axes.set_xticks([place + 0.5 for place in range(len(SYSTEMS))], map(label, SYSTEMS), fontsize=8)
    axes.set_yticks(
        [line + 0.5 for line in range(len(matrix))], [FAULTS[f].title for f in matrix], fontsize=8
    )
    axes.tick_params(length=0)
    axes.figure.set_size_inches(12, 1.2 + 0.27 * len(matrix))


CHARTS = (
    Chart("recovery.png", "Seconds from the server's return until everybody is served again", _recovery),
    Chart("late.png", "Requests that failed although they began after the server was back", _late),
    Chart("deadlock.png", "Requests that need two connections", _deadlock),
    Chart("slots.png", "Connections of 15 that are lost for good", _slots),
    Chart("spike.png", "50 threads, 5 open connections, 150 ms to connect", _spike),
)
