"""
The record of a run: made before it reads anything, counted up with each page, closed at the end.

Everything goes through the one engine, so a run holds one connection at most, and none while it waits.
"""

from datetime import datetime

import sqlalchemy as sa

from core import db
from etl import lease as leases
from etl.lease import HeldLease
from etl.loading.cursors import stored_mark
from etl.models import Run, RunOutcome
from etl.rows import Endpoint

_INSERT = sa.text("""
INSERT INTO etl_run_log (source, mode, started_at, outcome, error, cursor_before, cursor_after, page_count,
    read_count, inserted_count, updated_count, unchanged_count, rejected_count)
VALUES (:source, :mode, :now, 'running', '', :cursor_at, :cursor_at, 0, 0, 0, 0, 0, 0)
RETURNING id
""")
_CLOSE_KILLED = sa.text("""
UPDATE etl_run_log
SET outcome = 'killed', finished_at = :now, error = 'ended without reporting; found by run ' || :run_id
WHERE source = :source AND outcome = 'running' AND id <> :run_id
""")
_FINISH = sa.text("""
UPDATE etl_run_log SET outcome = :outcome, error = :error, finished_at = :now, cursor_after = :cursor_at
WHERE id = :run_id
RETURNING *
""")


def start(*, source: str, mode: str, now: datetime) -> tuple[HeldLease, Run]:
    """
    Record a new run and take its source's lease; runs that were killed before are marked as such.

    Raises:
        LeaseHeld: another run of the source is at work; nothing was written.
    """
    with db.get_engine().begin() as connection:
        cursor_at = stored_mark(connection, source=source, endpoint=Endpoint.SALES).cursor_at
        row = {"source": source, "mode": mode, "now": now, "cursor_at": cursor_at}
        run_id = connection.execute(_INSERT, row).scalar_one()
        lease = leases.take(connection, source=source, run_id=run_id)
        connection.execute(_CLOSE_KILLED, {"source": source, "now": now, "run_id": run_id})
        return lease, _run(connection, run_id)


def finish(lease: HeldLease, *, outcome: RunOutcome, error: str, now: datetime) -> Run:
    """Record how the run of `lease` ended, and let the next one begin."""
    with db.get_engine().begin() as connection:
        cursor_at = stored_mark(connection, source=lease.source, endpoint=Endpoint.SALES).cursor_at
        end = {"outcome": outcome.value, "error": error, "now": now, "cursor_at": cursor_at}
        row = connection.execute(_FINISH, {**end, "run_id": lease.run_id}).mappings().one()
        lease.release(connection)
        return Run(**row)


def _run(connection: sa.Connection, run_id: int) -> Run:
    found = connection.execute(sa.text("SELECT * FROM etl_run_log WHERE id = :id"), {"id": run_id})
    return Run(**found.mappings().one())
