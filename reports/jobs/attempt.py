"""
One attempt at one report: claim it, make the file, store it, publish it.

Whatever happens, no partial file stays, and nothing is published unless this is still the latest attempt.
"""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from core import db
from reports import store
from reports.catalogue import find, parameters_from_json
from reports.jobs import failure, states, stopping
from reports.jobs.heartbeat import Heartbeat, Superseded
from reports.making import MadeFile, make_file
from reports.models import FileFormat, GeneratedReport


def work_on(report_id: UUID, *, now: datetime, enqueue: states.Enqueue) -> str:
    """
    Make the report, unless it is not queued (any more), and return the result as text.

    `enqueue` gives the report a new task when this attempt puts it back into the queue.

    Raises:
        ReportFailed: it could not be made; its row says why.
    """
    generated = states.claim(report_id, now=now)
    if generated is None:
        return "nothing to do: it is not queued"
    try:
        return _make(generated, now)
    except stopping.Stopped:
        states.put_back(generated, enqueue=enqueue)
        return "put back: the worker was stopped"
    except Superseded:
        return "superseded by another attempt"
    except Exception as error:  # noqa: BLE001 - every failure belongs to the report's row
        return _give_up(generated, error, now, enqueue)


def _make(generated: GeneratedReport, now: datetime) -> str:
    path = store.working_path(generated)
    try:
        with Heartbeat(generated) as heartbeat:
            made = _make_file(generated, path, heartbeat, now)
            name = store.put(path, store.file_name(generated, now=now))
    finally:
        path.unlink(missing_ok=True)
    # When this fails, it may or may not be published: the file stays until report_expire looks for it.
    if not states.finish(generated, made, name, now=now):
        store.delete_file(name)
        raise Superseded
    return f"made: {made.row_count} rows"


def _make_file(generated: GeneratedReport, path: Path, heartbeat: Heartbeat, now: datetime) -> MadeFile:
    with stopping.interruptible():
        return make_file(
            report=find(generated.report),
            parameters=parameters_from_json(generated.parameters),
            file_format=FileFormat(generated.format),
            path=path,
            on_progress=heartbeat.note,
            now=now,
        )


def _give_up(generated: GeneratedReport, error: Exception, now: datetime, enqueue: states.Enqueue) -> str:
    failure.log(error, generated)
    text = failure.as_text(error, generated)
    if not db.is_unavailable(error):
        states.fail(generated, text, now=now)
    elif states.retry_or_fail(generated, text, now=now, enqueue=enqueue):
        return "put back: the database was unavailable"
    # The task's row keeps our text, not the exception's, which may quote a password.
    raise failure.ReportFailed(text) from None
