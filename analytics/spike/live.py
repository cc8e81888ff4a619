"""
Spikes in a terminal, while they happen: a line for each system.
"""

from collections.abc import Iterable, Sequence

from rich.bar import Bar
from rich.table import Table

from analytics.spike.course import Course

_STEPS = " ▁▂▃▄▅▆▇█"
WIDTH = 24


def table(courses: Sequence[Course], *, clients: int, is_over: bool = False) -> Table:
    """Return what is known of the spikes so far; of those that are over, over all of their time."""
    shown = Table(title=f"{clients:,} scanners at the gates")
    for name in ("system", "validations/s", "p50 ms", "p99 ms", "failed", "connections", "of", ""):
        shown.add_column(name, justify="left" if name in {"system", ""} else "right")
    shown.add_column("validations/s, over time")
    highest = max((moment.rate for course in courses for moment in course.moments), default=1.0)
    for course in courses:
        is_running = not is_over and course is courses[-1]
        shown.add_row(*_cells(course, is_running=is_running), _bar(course), _spark(course, highest))
    return shown


def _cells(course: Course, *, is_running: bool) -> Iterable[str]:
    if is_running and course.moments:
        moment = course.moments[-1]
        figures = moment.rate, moment.p50, moment.p99
        connections = moment.connections
    else:
        figures = course.rate, course.total.percentile(50), course.total.percentile(99)
        connections = course.most_connections
    rate, p50, p99 = figures
    failed = course.total.faults.total()
    colour = "red" if failed else "green"
    yield from (course.name, f"{rate:,.0f}", f"{p50:,.0f}", f"{p99:,.0f}")
    yield from (f"[{colour}]{failed:,}[/]", f"{connections:,}", f"{course.bound:,}")


def _bar(course: Course) -> Bar:
    now = course.moments[-1].connections if course.moments else 0
    return Bar(size=course.bound, begin=0, end=now, width=10, color="red" if now > course.bound else "green")


def _spark(course: Course, highest: float) -> str:
    rates = [moment.rate for moment in course.moments][-WIDTH:]
    return "".join(_STEPS[min(8, round(8 * rate / max(1.0, highest)))] for rate in rates)
