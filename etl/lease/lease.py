"""
The lease: one run of a source at a time, without a connection that waits with the run.

It is a row that expires. Each page's transaction renews it, so a run that lost it cannot commit; a run whose
process is gone loses it at once, where that can be seen, and otherwise when it expires. Instants are the
database's own: clocks of two hosts may differ.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from core import db
from etl.lease import process_identity

TTL_SECONDS = 60.0

_READ = sa.text("SELECT run_id, holder, expires_at FROM etl_leases WHERE source = :source")
_TAKE = sa.text("""
INSERT INTO etl_leases AS kept (source, run_id, holder, expires_at)
VALUES (:source, :run_id, :holder, clock_timestamp() + :seconds * interval '1 second')
ON CONFLICT (source) DO UPDATE
SET run_id = excluded.run_id, holder = excluded.holder, expires_at = excluded.expires_at
WHERE kept.expires_at < clock_timestamp() OR kept.holder = :dead_holder
RETURNING source
""")
_RENEW = sa.text("""
UPDATE etl_leases SET expires_at = clock_timestamp() + :seconds * interval '1 second'
WHERE source = :source AND holder = :holder
RETURNING source
""")
_RELEASE = sa.text("DELETE FROM etl_leases WHERE source = :source AND holder = :holder")


class LeaseHeld(RuntimeError):
    """
    Another run of this source is at work; nothing was written.

    If you are hitting this, wait for that run, or end its process: its lease is free at once on the same
    machine, and after a minute from another one.

    Attributes:
        run_id: the other run; None for work that is not a run, such as a retry of rejected rows.
        holder: its process, as text.
        expires_at: when its lease ends unless it is renewed.
    """

    def __init__(self, source: str, *, run_id: int | None, holder: str, expires_at: datetime | None) -> None:
        self.source, self.run_id, self.expires_at = source, run_id, expires_at
        self.holder = process_identity.as_text(holder)
        who = f"run {run_id}" if run_id else "a retry of rejected rows"
        until = f", until {expires_at.isoformat(timespec='seconds')} unless renewed" if expires_at else ""
        super().__init__(f"{who} of {source!r} is at work ({self.holder}{until}): wait for it, or end it")


class LeaseLost(RuntimeError):
    """
    The lease expired and another run took it: what this run was about to commit is rolled back.

    If you are hitting this, this process was stopped or cut off from the database for more than a minute.
    """


@dataclass(frozen=True, kw_only=True)
class HeldLease:
    """The right to write rows of `source`; `holder` is this process, and this lease of its leases."""

    source: str
    holder: str
    run_id: int | None

    def renew(self, connection: sa.Connection) -> None:
        """
        Hold it for another minute; its row stays locked until the transaction ends.

        Raises:
            LeaseLost: another run has it.
        """
        who = {"source": self.source, "holder": self.holder, "seconds": TTL_SECONDS}
        if connection.execute(_RENEW, who).first() is None:
            raise LeaseLost(
                f"the lease of {self.source!r} went to another run: nothing more is written, start again"
            )

    def release(self, connection: sa.Connection) -> None:
        """Let the next run begin; nothing happens when the lease was lost."""
        connection.execute(_RELEASE, {"source": self.source, "holder": self.holder})


def take(connection: sa.Connection, *, source: str, run_id: int | None) -> HeldLease:
    """
    Take the lease of `source` for the transaction's run.

    Raises:
        LeaseHeld: another run has it.
    """
    found = connection.execute(_READ, {"source": source}).mappings().one_or_none()
    dead_holder = found["holder"] if found and process_identity.is_dead(found["holder"]) else ""
    lease = HeldLease(source=source, holder=process_identity.this_process(), run_id=run_id)
    row = {"source": source, "run_id": run_id, "holder": lease.holder, "seconds": TTL_SECONDS}
    if connection.execute(_TAKE, {**row, "dead_holder": dead_holder}).first() is None:
        # Read again: the holder may have changed since the first time.
        held = connection.execute(_READ, {"source": source}).mappings().one_or_none()
        raise LeaseHeld(source, **(held or {"run_id": None, "holder": "", "expires_at": None}))
    return lease


@contextmanager
def leased(source: str) -> Iterator[HeldLease]:
    """
    Hold the lease of `source` for work other than a run, while the block runs; no connection is held for it.

    Raises:
        LeaseHeld: a run of the source is at work.
    """
    with db.get_engine().begin() as connection:
        lease = take(connection, source=source, run_id=None)
    try:
        yield lease
    finally:
        with db.get_engine().begin() as connection:
            lease.release(connection)
