"""
Who holds a connection, and who waits for one. The pool keeps one Loan for each connection that is out.
"""

import threading
from time import monotonic

from psycopg_pool.pool import WaitingClient

from core.pool import stacks
from core.pool.connection import PooledConnection


class Loan:
    """
    One connection in somebody's hands.

    Attributes:
        borrower: "django", "sqlalchemy", "health", or "pool" while it is being closed.
        since: monotonic seconds.
    """

    # A plain class: one is made for each borrow, and a dataclass with factories costs three times as much.
    __slots__ = ("borrower", "is_reported", "since", "stack", "thread")

    def __init__(
        self, borrower: str, thread: threading.Thread | None = None, stack: stacks.Stack | None = None
    ) -> None:
        self.borrower = borrower
        self.thread = thread or threading.current_thread()
        self.stack = stack or stacks.note()
        self.since = monotonic()
        self.is_reported = False

    @property
    def held_for(self) -> float:
        """Seconds since the loan began."""
        return monotonic() - self.since

    def in_words(self) -> str:
        """Return who holds the connection, since when, and where it was borrowed."""
        return (
            f"thread {self.thread.name} ({self.borrower}) for {self.held_for:.1f} s, "
            f"borrowed at {stacks.where(self.stack)}"
        )


class Waiter(WaitingClient[PooledConnection]):
    """
    A borrower's place in the line.

    Attributes:
        holds_one: its thread holds a connection already, so serving it frees two.
    """

    __slots__ = ("borrower", "holds_one", "stack", "started_at", "thread")

    def __init__(self, loan: Loan, *, holds_one: bool) -> None:
        super().__init__()
        self.borrower = loan.borrower
        self.thread = loan.thread
        self.holds_one = holds_one
        self.stack = loan.stack
        self.started_at = monotonic()

    def loan(self) -> Loan:
        """Return the loan that begins when this borrower is served."""
        return Loan(self.borrower, self.thread, self.stack)
