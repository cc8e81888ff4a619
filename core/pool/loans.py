"""
Who has a connection: the open connections of a pool, each with its loan.
"""

import threading
from time import monotonic
from typing import Any
from weakref import ReferenceType, ref

from core.pool import stacks
from core.pool.classes import EVERYBODY, BorrowerClass
from core.pool.connection import PooledConnection


class Loan:
    """
    One connection in somebody's hands.

    Attributes:
        borrower: "django", "sqlalchemy", "health", or "pool" while it is being closed.
        borrower_class: whose share of the pool it is.
        lender: the pool that it is out from.
        since: monotonic seconds.
    """

    # A plain class: one is made for each borrow, and a dataclass with factories costs three times as much.
    __slots__ = ("borrower", "borrower_class", "is_reported", "lender", "since", "stack", "thread")

    def __init__(
        self,
        borrower: str,
        thread: threading.Thread | None = None,
        stack: stacks.Stack | None = None,
        lender: Any = None,
        borrower_class: BorrowerClass = EVERYBODY,
    ) -> None:
        self.borrower = borrower
        self.borrower_class = borrower_class
        self.lender = lender
        self.thread = thread or threading.current_thread()
        self.stack = stack or stacks.note()
        self.since = monotonic()
        self.is_reported = False

    @property
    def held_for(self) -> float:
        """Seconds since the loan began."""
        return monotonic() - self.since

    def _who(self) -> str:
        return ", ".join(filter(None, (self.borrower, self.borrower_class.name)))

    def as_text(self) -> str:
        """Return who holds the connection, since when, and where it was borrowed."""
        return (
            f"thread {self.thread.name} ({self._who()}) for {self.held_for:.1f} s, "
            f"borrowed at {stacks.where(self.stack)}"
        )


class Loans:
    """
    The open connections of one pool. Guarded by the pool's lock.

    It keeps none of them alive. One that its borrower dropped, or that an interrupted call lost, is closed as
    it is collected; then it is in no list and takes no slot.

    Attributes:
        listed: a weak reference to each; some may have been closed since.
    """

    def __init__(self) -> None:
        self.listed: list[ReferenceType[PooledConnection]] = []

    def add(self, connection: PooledConnection) -> None:
        """Count a connection that was just opened."""
        self.listed = [*map(ref, self.open()), ref(connection)]

    def open(self) -> list[PooledConnection]:
        """Return every connection with a socket, idle or lent."""
        connections = (each() for each in self.listed)
        return [each for each in connections if each is not None and each.has_socket]

    def lent(self) -> list[tuple[PooledConnection, Loan]]:
        """Return what is lent, each with its loan."""
        return [(each, each.loan) for each in self.open() if each.loan is not None]

    def of(self, loan: Loan) -> list[PooledConnection]:
        """Return the connections that `loan` is about: one, or none."""
        return [each for each in self.open() if each.loan is loan]

    def is_holder(self, thread: threading.Thread) -> bool:
        """Tell whether `thread` holds a connection."""
        return any(loan.thread is thread for _, loan in self.lent())
