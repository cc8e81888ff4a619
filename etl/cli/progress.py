"""
What a run shows on a terminal: a bar for each endpoint, and a closing table.
"""

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from etl.cli import runs
from etl.cli.printer import Printer
from etl.loading.counts import Counts
from etl.models import Run
from etl.rows import Endpoint, Page


class Bars:
    """Pages, rows, rows/s and rejects of each endpoint; time left where the source sends its size."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[pages]:,} pages, {task.fields[rows]:,} rows"),
            _RowRate(),
            TextColumn("{task.fields[rejected]:,} rejected"),
            _TimeLeft(),
            TextColumn("{task.fields[waits]}"),
            console=printer.console,
        )
        self._tasks: dict[Endpoint, TaskID] = {}
        self._is_resumed = False

    def run_started(self, run: Run, *, resumed: bool) -> None:
        how = ", resumed where an earlier run was interrupted" if resumed else ""
        self._printer.line(f"run {run.pk} of {run.source} ({run.mode}){how}")
        self._is_resumed = resumed

    def page_loaded(self, page: Page, counts: Counts, totals: Counts, page_count: int) -> None:
        task = self._task(page.endpoint)
        fields = self.progress.tasks[task].fields
        pages, rows = fields["pages"] + 1, fields["rows"] + counts.read
        total, completed = self._share(page, pages, rows)
        self.progress.update(
            task,
            total=total,
            completed=completed,
            pages=pages,
            rows=rows,
            rejected=fields["rejected"] + counts.rejected,
            waits="",
        )

    def waiting(self, seconds: float) -> None:
        """Say that it is the source that is slow."""
        for task in self._tasks.values():
            self.progress.update(task, waits=f"waiting for the source, {seconds:.0f} s")

    def run_ended(self, run: Run) -> None:
        counts = [(name.title(), getattr(run, f"{name}_count")) for name in runs.COUNTS]
        outcome = ("Outcome", run.get_outcome_display())
        rows = [("Source", run.source), outcome, *counts, ("Seconds", f"{runs.seconds(run):.1f}")]
        self._printer.table(f"Run {run.pk}: {run.mode}", ("", ""), rows)

    def _task(self, endpoint: Endpoint) -> TaskID:
        if endpoint not in self._tasks:
            self._tasks[endpoint] = self.progress.add_task(
                endpoint.value, total=None, pages=0, rows=0, rejected=0, waits=""
            )
        return self._tasks[endpoint]

    def _share(self, page: Page, pages: int, rows: int) -> tuple[int | None, int]:
        # A resumed run did not begin at the first page: how much of the total it reads is not known.
        if self._is_resumed:
            return None, rows
        return (page.page_total, pages) if page.page_total else (page.row_total, rows)


class _RowRate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.fields['rows'] / max(task.elapsed or 0.0, 1e-6):,.0f} rows/s")


class _TimeLeft(ProgressColumn):
    """Time left when there is a total, else the time that went by."""

    def __init__(self) -> None:
        super().__init__()
        self._left, self._elapsed = TimeRemainingColumn(), TimeElapsedColumn()

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text.assemble(self._elapsed.render(task), " elapsed")
        return Text.assemble(self._left.render(task), " left")
