"""
Who holds what: every connection of this process's pool, and every connection that the server sees.
"""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

from core.pool import SharedPool, stacks
from core.pool.connection import PooledConnection
from core.pool.loans import Loan

FIRST_WORDS = 60  # characters
# What a statement compares with is nobody's business: text and numbers are left out.
_LITERAL = re.compile(r"E?'(?:[^']|'')*(?:'|$)|\b\d[\d.]*\b")

_ACTIVITY = text("""
    SELECT application_name, pid, coalesce(state, '') AS state, query,
           extract(epoch FROM clock_timestamp() - state_change)::float AS in_state_seconds,
           extract(epoch FROM clock_timestamp() - backend_start)::float AS age_seconds
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
    ORDER BY application_name, pid
""")


@dataclass(frozen=True, slots=True)
class Holder:
    """One connection of this process; times in seconds, empty text where nobody holds it."""

    state: str  # "in use" or "idle"
    backend_pid: int
    age_seconds: float
    borrower: str
    borrower_class: str
    thread: str
    held_seconds: float
    borrowed_at: str


@dataclass(frozen=True, slots=True)
class Backend:
    """One connection as the server sees it, of whichever process."""

    application_name: str
    backend_pid: int
    state: str
    in_state_seconds: float
    age_seconds: float
    first_words: str


def holders(pool: SharedPool) -> list[Holder]:
    """Return every open connection of `pool`, those in use first, the longest held first."""
    in_use = [_in_use(connection, loan) for connection, loan in pool.loans()]
    return [*sorted(in_use, key=lambda h: -h.held_seconds), *map(_idle, pool.idle())]


def backends(engine: Engine) -> list[Backend]:
    """Return every client connection to this database, by application name. One statement."""
    with engine.connect() as borrowed:
        return [
            Backend(
                row.application_name,
                row.pid,
                row.state,
                row.in_state_seconds or 0.0,
                row.age_seconds,
                first_words(row.query or ""),
            )
            for row in borrowed.execute(_ACTIVITY)
        ]


def first_words(statement: str) -> str:
    """Return the start of a statement, with its literals left out."""
    return " ".join(_LITERAL.sub("?", statement).split())[:FIRST_WORDS]


def _in_use(connection: PooledConnection, loan: Loan) -> Holder:
    return Holder(
        "in use", **_of(connection), borrower=loan.borrower, borrower_class=loan.borrower_class.name,
        thread=loan.thread.name, held_seconds=loan.held_for, borrowed_at=stacks.where(loan.stack),
    )  # fmt: skip


def _idle(connection: PooledConnection) -> Holder:
    return Holder(
        "idle", **_of(connection), borrower="", borrower_class="", thread="", held_seconds=0.0, borrowed_at=""
    )


def _of(connection: PooledConnection) -> dict[str, Any]:
    pid = 0 if connection.closed else connection.pgconn.backend_pid
    return {"backend_pid": pid, "age_seconds": connection.age}
