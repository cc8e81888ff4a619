"""
Who holds a connection, and who waits for one. The pool keeps one Loan for each connection that is out.
"""

import threading
from dataclasses import dataclass, field
from time import monotonic

from psycopg_pool.pool import WaitingClient

from core.connection import PooledConnection


@dataclass(slots=True, eq=False)
class Loan:
    """One connection in somebody's hands."""

    borrower: str  # "django", "sqlalchemy" or "health"
    thread: threading.Thread = field(default_factory=threading.current_thread)
    since: float = field(default_factory=monotonic)  # monotonic seconds

    @property
    def held_for(self) -> float:
        """Seconds since the loan began."""
        return monotonic() - self.since


class Waiter(WaitingClient[PooledConnection]):
    """A borrower's place in the line."""

    __slots__ = ("borrower", "started_at", "thread")

    def __init__(self, borrower: str) -> None:
        super().__init__()
        self.borrower = borrower
        self.thread = threading.current_thread()
        self.started_at = monotonic()

    def loan(self) -> Loan:
        """Return the loan that begins when this borrower is served."""
        return Loan(self.borrower, self.thread)
