"""
The comparison as a picture, in docs/charts.
"""

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.spike.results import Matrix
from benchmarks.spike.service import ROOT
from benchmarks.spike.systems import SYSTEMS, TURNSTILE

FOLDER = ROOT / "docs" / "charts"
FILE = "validations.png"
TITLE = "Validations a second, and the slowest hundredth, by the number of clients"


def draw(matrix: Matrix) -> None:
    """Draw a line for each system, in both."""
    mpl.use("Agg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure, (rates, waits) = plt.subplots(1, 2, figsize=(13, 5.2), layout="constrained")
    _lines(matrix, rates, "rate")
    rates.set_ylabel("validations a second, stored")
    _lines(matrix, waits, "p99")
    waits.set_ylabel("p99 until the answer, ms")
    figure.legend(*rates.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    # No date and no version: the same numbers give the same file.
    figure.savefig(FOLDER / FILE, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _lines(matrix: Matrix, axes: Axes, name: str) -> None:
    for system, about in SYSTEMS.items():
        found = [(clients, row[system].median(name)) for clients, row in matrix.items() if system in row]
        # Where nothing was answered, there is no point.
        points = [point for point in found if point[1]]
        if points:
            width, style = (2.6, "-") if system == TURNSTILE else (1.4, "--")
            axes.plot(*zip(*points, strict=True), style, marker="o", markersize=4, linewidth=width,
                      color=about.colour, label=about.label)  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("clients at once")
    axes.set_xticks([*matrix], [f"{clients:,}" for clients in matrix])
    axes.minorticks_off()
    axes.grid(visible=True, axis="y", linewidth=0.4)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
