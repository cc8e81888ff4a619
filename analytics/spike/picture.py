"""
Spikes as a picture: validations a second, and connections against the bound, over time.
"""

from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

from analytics.spike.course import Course


class NoPicture(Exception):
    """
    matplotlib is not installed: the service does not need it.

    If you are hitting this, `make spike` installs it.
    """


def draw(courses: Sequence[Course], path: Path) -> None:
    """
    Draw the courses into a PNG.

    Raises:
        NoPicture: matplotlib is missing.
        OSError: the file cannot be written.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415 - only comparisons have it
        from matplotlib import pyplot as plt  # noqa: PLC0415
    except ImportError:
        raise NoPicture("no picture without matplotlib: `make spike` installs it") from None
    mpl.use("Agg")
    figure, axes = plt.subplots(3, 1, figsize=(9, 8), sharex=True, layout="constrained")
    for course in courses:
        at = [moment.at for moment in course.moments]
        [line] = axes[0].plot(at, [moment.rate for moment in course.moments], label=course.name)
        # Where nothing was answered, there is a gap.
        axes[1].plot(at, [moment.p99 or nan for moment in course.moments], color=line.get_color())
        axes[2].plot(at, [moment.connections for moment in course.moments], color=line.get_color())
        axes[2].axhline(course.bound, color=line.get_color(), linestyle=":", linewidth=0.8)
    _label(axes)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _label(axes: Any) -> None:
    axes[0].set_ylabel("validations a second")
    axes[1].set_ylabel("p99 until the answer, ms")
    # Where nothing was answered at all, there is nothing to scale.
    if any((line.get_ydata() > 0).any() for line in axes[1].lines):
        axes[1].set_yscale("log")
    axes[2].set_ylabel("connections (dotted: bound)")
    axes[2].set_xlabel("seconds")
    # The one between has a logarithm's scale, which has no 0.
    axes[0].set_ylim(bottom=0)
    axes[2].set_ylim(bottom=0)
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
