"""
How a run reads: as a record for programs, as a line and as a table for people.
"""

from typing import Any

from django.utils import timezone

from etl.models import Run

COUNTS = ("page", "read", "inserted", "updated", "unchanged", "rejected")


def record(run: Run) -> dict[str, Any]:
    """Return the run as JSON: counts under their names, `seconds` so far while it runs."""
    return {
        "run": run.pk,
        "source": run.source,
        "mode": run.mode,
        "outcome": run.outcome,
        "error": run.error,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seconds": round(seconds(run), 3),
        **{f"{name}_count": getattr(run, f"{name}_count") for name in COUNTS},
        "cursor_before": run.cursor_before,
        "cursor_after": run.cursor_after,
    }


def sentence(run: Run) -> str:
    """Return the run in one line, with its counts and seconds."""
    counts = ", ".join(f"{getattr(run, f'{name}_count'):,} {name}" for name in COUNTS[2:])
    took = seconds(run)
    per_second = run.read_count / took if took else 0.0
    outcome = run.get_outcome_display().lower()
    return (
        f"run {run.pk} of {run.source} ({run.mode}): {outcome}, {run.page_count:,} pages, "
        f"{run.read_count:,} rows: {counts}, in {took:.1f} s ({per_second:,.0f} rows/s)"
    )


def seconds(run: Run) -> float:
    """How long the run took, or has been running."""
    took = run.duration_seconds
    return (timezone.now() - run.started_at).total_seconds() if took is None else took
