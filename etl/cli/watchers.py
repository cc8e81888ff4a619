"""
What a run shows while it loads: one line for each page, or JSON. `etl.cli.progress` is for terminals.
"""

from collections import Counter
from time import monotonic
from typing import Any, Protocol

from etl.cli import runs
from etl.cli.printer import Printer
from etl.loading.counts import Counts
from etl.models import Run
from etl.rows import Endpoint, Page
from etl.runs.pipeline import Watcher


class Display(Watcher, Protocol):
    """A `Watcher` of a run that also shows how the run ended."""

    def run_ended(self, run: Run) -> None: ...


class Lines:
    """One line for each page, and one for the run: for logs."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._page_began = monotonic()
        # The run counts pages of all endpoints, a source says how many one of them has.
        self._pages: Counter[Endpoint] = Counter()

    def run_started(self, run: Run, *, resumed: bool) -> None:
        how = " where an earlier run was interrupted" if resumed else ""
        self._printer.line(f"run {run.pk} of {run.source} ({run.mode}) begins{how}")
        self._page_began = monotonic()

    def page_loaded(self, page: Page, counts: Counts, totals: Counts, page_count: int) -> None:
        self._pages[page.endpoint] += 1
        took = _since(self._page_began)
        self._page_began = monotonic()
        of = f" of {page.page_total:,}" if page.page_total else ""
        which = f"page {self._pages[page.endpoint]:,}{of} of {page.endpoint}"
        rate = f"{counts.read / took:,.0f} rows/s"
        self._printer.line(f"{which}: {counts.read:,} rows: {_counted(counts)}, {rate}")

    def waiting(self, seconds: float) -> None:
        """A log has its lines; a person who waits is at a terminal."""

    def run_ended(self, run: Run) -> None:
        self._printer.line(runs.sentence(run))


class Records:
    """One line of JSON for each page, and one for the run: for programs."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._page_began = monotonic()

    def run_started(self, run: Run, *, resumed: bool) -> None:
        self._page_began = monotonic()

    def page_loaded(self, page: Page, counts: Counts, totals: Counts, page_count: int) -> None:
        took = _since(self._page_began)
        self._page_began = monotonic()
        self._printer.json(_page_record(page, counts, page_count) | {"seconds": round(took, 3)})

    def waiting(self, seconds: float) -> None:
        """A program sees that no line comes."""

    def run_ended(self, run: Run) -> None:
        self._printer.json(runs.record(run))


def _page_record(page: Page, counts: Counts, page_count: int) -> dict[str, Any]:
    counted = {f"{name}_count": getattr(counts, name) for name in runs.COUNTS[1:]}
    return {"page": page_count, "page_total": page.page_total, "endpoint": page.endpoint.value, **counted}


def _counted(counts: Counts) -> str:
    return ", ".join(f"{getattr(counts, name):,} {name}" for name in runs.COUNTS[2:])


def _since(began: float) -> float:
    # Never zero: a rate is worked out from it.
    return max(monotonic() - began, 1e-6)
