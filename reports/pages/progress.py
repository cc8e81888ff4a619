"""
The progress of a report, in numbers and in a sentence, for its page and for the script that refreshes it.
"""

from datetime import datetime, timedelta
from typing import Any

from reports.jobs import reaper
from reports.models import GeneratedReport, ReportState
from reports.pages import display

# A worker looks for work every second: after this time none is running, or they are busy.
HINT_AFTER = timedelta(seconds=30)
# A heartbeat is due every second.
SILENCE = timedelta(seconds=15)
_MOVING = (ReportState.QUEUED, ReportState.MAKING)


def progress(generated: GeneratedReport, *, now: datetime) -> dict[str, Any]:
    """
    Return the progress of a report.

    `state`; `rows` so far and `total` (null while it is not known); `seconds` since it was begun, or
    requested; `sentence` and `hint` (may be "") for people; `is_over`: it will not change any more by itself.
    One statement at most.
    """
    state = display.state(generated, now=now)
    since = generated.started_at or generated.requested_at
    return {
        "state": state,
        "rows": generated.row_count,
        "total": _total(generated),
        "seconds": max(0, int((now - since).total_seconds())),
        "sentence": _sentence(generated, state),
        "hint": _hint(generated, now),
        "is_over": state not in _MOVING,
    }


def _total(generated: GeneratedReport) -> int | None:
    """Return the rows expected; None once there are more rows than the counters led to expect."""
    total = generated.row_total
    return None if total is None or total < generated.row_count else total


def _sentence(generated: GeneratedReport, state: str) -> str:
    if state == ReportState.MAKING:
        is_again = generated.attempt > 1
        return f"Being made, attempt {generated.attempt}" if is_again else "Being made"
    return {"queued": "Waiting for a worker", "made": "Made", "failed": "Failed"}.get(state, "Expired")


def _hint(generated: GeneratedReport, now: datetime) -> str:
    if generated.state == ReportState.QUEUED:
        return _hint_of_the_queue(generated, now)
    beat = generated.heartbeat_at
    if generated.state == ReportState.MAKING and beat is not None and now - beat > SILENCE:
        silent, limit = (int(each.total_seconds()) for each in (now - beat, reaper.SILENT_AFTER))
        return (
            f"Its worker has said nothing for {silent} s. After {limit} s another one takes the report up, "
            "or marks it as failed."
        )
    return ""


def _hint_of_the_queue(generated: GeneratedReport, now: datetime) -> str:
    waited = now - generated.requested_at
    others = GeneratedReport.objects.filter(state=ReportState.MAKING, heartbeat_at__gte=now - SILENCE)
    if making := others.count():
        return f"{making} other report{'s are' if making > 1 else ' is'} being made; this one comes after."
    if waited < HINT_AFTER:
        return ""
    seconds = int(waited.total_seconds())
    return f"No worker has taken it up for {seconds} s: is `manage.py report_worker` running?"
