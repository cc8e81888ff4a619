"""
What a pool knows: which connections are idle, which are lent to whom, who waits, and what is being opened.

It decides, and does nothing: it knows neither the server nor a thread. `core.pool.pool` calls it with its
lock held, and does what was decided.
"""

from collections import Counter, deque
from time import monotonic

from core.pool.classes import NOBODY, BorrowerClass, Classes, Room
from core.pool.connection import PooledConnection
from core.pool.deadlock import PoolDeadlock, find_deadlock
from core.pool.growth import Growth, surplus
from core.pool.loans import Loan, Loans
from core.pool.stats import ClassStats, PoolStats
from core.pool.wait_queue import Waiter, WaitQueue


class PoolState:
    """
    The connections of one pool and its borrowers. Guarded by the pool's lock.

    A connection is idle when it is among `idle`, and lent when it has a loan. No step leaves it in both, and
    one that is in neither is closed as it is collected: wherever an exception arrives, no number is wrong.

    Attributes:
        idle: the longest idle first.
        size: how many connections stay open.
        bound: how many are open at most.
        classes: of the borrowers.
        used_seconds: how long connections were lent, all loans that ended together.
    """

    def __init__(
        self,
        *,
        idle: deque[PooledConnection],
        queue: WaitQueue,
        growth: Growth,
        size: int,
        bound: int,
        classes: Classes | None = None,
    ) -> None:
        self.idle = idle
        self.queue = queue
        self.loans = Loans()
        self.classes = classes or Classes(None)
        self.growth = growth
        self.size, self.bound = size, bound
        self.used_seconds = 0.0

    # Numbers -------------------------------------------------------------------------------------------

    @property
    def open_count(self) -> int:
        """Connections that are open or being opened."""
        return len(self.loans.open()) + self.growth.connecting

    @property
    def is_full(self) -> bool:
        """Whether whoever comes must wait for a connection that is lent."""
        return self.growth.connecting == 0 and len(self.loans.open()) >= self.bound

    def stats(self) -> PoolStats:
        """Return one consistent snapshot."""
        return PoolStats(
            pool_size=self.size,
            max=self.bound,
            checked_in=len(self.idle),
            checked_out=len(self.loans.lent()),
            connecting=self.growth.connecting,
            waiting=len(self.queue),
            classes=self._class_stats(),
        )

    def _class_stats(self) -> tuple[ClassStats, ...]:
        lent = Counter(loan.borrower_class.name for _, loan in self.loans.lent())
        waiting = Counter(waiter.loan.borrower_class.name for waiter in self.queue)
        return tuple(
            ClassStats(
                each.name,
                places=min(each.fewest or self.bound, self.bound),
                checked_out=lent[each.name],
                waiting=waiting[each.name],
            )
            for each in self.classes
        )

    def missing(self) -> int:
        """Return how many connects to begin now."""
        open_count = self.open_count
        room = self.room() if self.queue.waiters else None
        wanted = self.growth.missing(queue=self.queue, size=self.size, open_count=open_count, room=room)
        return max(0, min(wanted, self.bound - open_count))

    # Lending -------------------------------------------------------------------------------------------

    def take_idle(self, loan: Loan) -> PooledConnection | None:
        """Return an idle connection, now on `loan`; None when the borrower must wait."""
        if not self.idle or (self._is_contested(loan) and not self._may_take_idle(loan)):
            return None
        # The one used last: its caches are warm, and the others may age out.
        connection = self.idle.pop()
        connection.loan = loan
        return connection

    def _is_contested(self, loan: Loan) -> bool:
        """Tell whether it must be counted what each class has: that takes time, and mostly little is lent."""
        fewest = loan.borrower_class.fewest
        is_near_the_limit = fewest is not None and len(self.loans.listed) - len(self.idle) >= fewest
        return is_near_the_limit or self.queue.reserve is not None

    def _may_take_idle(self, loan: Loan) -> bool:
        """Tell whether a borrower may have an idle connection beside a reserve, or those of other classes."""
        holds_one = self.loans.is_holder(loan.thread)
        if self.queue.reserve is not None and not holds_one and self.queue.count_before(loan.borrower_class):
            return False
        return self.queue.admits(loan.borrower_class, holds_one=holds_one, room=self.room(), bound=self.bound)

    def room(self) -> Room:
        """Return what is lent, by class."""
        return Room(loan.borrower_class for _, loan in self.loans.lent())

    def is_full_for(self, borrower_class: BorrowerClass) -> bool:
        """Whether one of this class must wait for a connection that is lent."""
        return self.is_full or not self.room().is_left_for(borrower_class)

    def pass_on(self, connection: PooledConnection, to: Loan) -> Loan:
        """Begin another loan of a connection that is lent; return the one that ends."""
        before: Loan = connection.loan
        connection.loan = to
        self.note_use(before)
        return before

    def serve_or_keep(self, connection: PooledConnection) -> None:
        """Give a connection to the next in the queue, or keep it idle."""
        loan, connection.loan = connection.loan, None
        if loan is not None:
            self.used_seconds += connection.idle_since - loan.since
        if not (self.queue.waiters and self._serve(connection)):
            self.idle.append(connection)

    def park(self, connection: PooledConnection) -> bool:
        """Keep a lent connection idle as it is, for whoever needs one; False when somebody waits for it."""
        if self.queue.waiters:
            return False
        loan, connection.loan = connection.loan, None
        connection.parked = loan
        self.used_seconds += connection.idle_since - loan.since
        self.idle.append(connection)
        return True

    def unpark(self, connection: PooledConnection, loan: Loan) -> bool:
        """Lend a connection again to who parked it; False when somebody else has it, or should have it."""
        if connection.parked is not loan or connection.loan is not None or self._is_contested(loan):
            return False
        # It must never be idle and lent: taken out first, it is closed if this is interrupted.
        if self.idle and self.idle[-1] is connection:
            self.idle.pop()
        elif connection in self.idle:
            self.idle.remove(connection)
        else:
            return False
        connection.parked, connection.loan = None, loan
        return True

    def serve_idle(self) -> None:
        """Lend what is idle to those in the queue who may have it."""
        while self.queue.waiters and self.idle:
            # It must never be idle and served: taken out first, it is closed if this is interrupted.
            connection = self.idle.pop()
            if not self._serve(connection):
                self.idle.append(connection)
                return

    def _serve(self, connection: PooledConnection) -> bool:
        """Lend a connection to the first in the queue who may have it."""
        waiter = self.queue.next(room=self.room(), bound=self.bound)
        if waiter is None:
            return False
        waiter.loan.since = monotonic()
        connection.loan = waiter.loan
        waiter.serve(connection)
        return True

    def note_use(self, loan: Loan) -> None:
        """Count the time of a loan that ends elsewhere than in `serve_or_keep`."""
        if loan.borrower != "pool":
            self.used_seconds += loan.held_for

    def deadlock_of(self, waiter: Waiter, *, pool: str) -> PoolDeadlock | None:
        """Return the error for a borrower who would wait for ever, and keep the last place from now on."""
        if not waiter.holds_one:
            return None
        loans = [loan for _, loan in self.loans.lent()]
        for rank, places in ((0, self.bound), *waiter.loan.borrower_class.limits):
            # What the pool itself has is nobody's share, and comes back.
            under = [loan for loan in loans if rank == 0 or loan.borrower_class.rank >= rank]
            is_full = self.is_full if rank == 0 else len(under) >= places
            # One of a class above waits for other places than these.
            waiting = [each.loan.thread for each in self.queue if each.loan.borrower_class.rank >= rank]
            if is_full and (deadlock := find_deadlock(under, waiting, pool=pool)):
                self.queue.keep_reserve(rank=rank, places=places)
                return deadlock
        return None

    # After an interruption -----------------------------------------------------------------------------

    def is_lost(self, connection: PooledConnection, loan: Loan) -> bool:
        """Tell whether a return from `loan` that was interrupted left the connection to nobody."""
        if connection in self.idle:
            return False
        has_no_taker = connection.loan is None or any(each.loan is connection.loan for each in self.queue)
        return has_no_taker or connection.loan is loan

    # Closing -------------------------------------------------------------------------------------------

    def take_all_idle(self) -> list[PooledConnection]:
        """Take every idle connection out; they count as lent until they are closed or given back."""
        return self._take(list(self.idle))

    def take_surplus(self, *, idle_before: float) -> list[PooledConnection]:
        """Take out what is above the size and was idle since `idle_before`, in monotonic seconds."""
        return self._take(surplus(self.idle, above=self.open_count - self.size, idle_before=idle_before))

    def _take(self, connections: list[PooledConnection]) -> list[PooledConnection]:
        for connection in connections:
            self.idle.remove(connection)
            connection.loan = Loan("pool", borrower_class=NOBODY)
        return connections
