"""
The queue of borrowers in front of the pool: who waits, in which order they are served, who is turned away.

By class, and in one class first come first served; but a thread that holds a connection goes before all that
hold none: it will give back two. After a deadlock the last place is kept for such threads, for a while.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, takewhile
from time import monotonic
from typing import cast
from weakref import ReferenceType, ref

from psycopg_pool import PoolTimeout, TooManyRequests

from core.pool.classes import BorrowerClass, Room
from core.pool.connection import PooledConnection
from core.pool.loans import Loan
from core.pool.sqlstates import REFUSED_TO_CONNECT, UNABLE_TO_CONNECT

# Longer than a request works between its first connection and its second; for so long one place may be idle
# while somebody waits.
RESERVE_SECONDS = 5.0
# So often in a row one class goes before another that could be served: the other has one turn in ten.
TURNS = 9


class PoolFull(PoolTimeout):
    """
    No connection came free in time.

    If you are hitting this, something holds connections too long (`manage.py pool` shows what), or the pool
    is too small for the threads that use it (`manage.py doctor` does the arithmetic).
    """


class PoolLineFull(TooManyRequests):
    """
    POOL_MAX_WAITING borrowers wait already, so this one was turned away at once.
    """


class ServerUnreachable(PoolTimeout):
    """
    No connection could be opened in time; the server did not answer or refused.
    """

    sqlstate = UNABLE_TO_CONNECT


class ServerRefused(ServerUnreachable):
    """
    No connection can be opened until somebody changes something: a password, a role, a name, a host.

    In a command it comes at once; a service goes on trying, more and more slowly (`fail_fast`).
    """

    sqlstate = REFUSED_TO_CONNECT


class Waiter:
    """
    A borrower's place in the queue. Its state changes under the pool's lock only.

    Attributes:
        loan: the loan that begins when it is served.
        holds_one: its thread holds a connection already, so serving it frees two.
        connection: what it was served with.
        error: why it never will be.
    """

    __slots__ = ("__weakref__", "_gate", "connection", "error", "holds_one", "loan", "started_at")

    def __init__(self, loan: Loan, *, holds_one: bool = False) -> None:
        self.loan = loan
        self.holds_one = holds_one
        self.connection: PooledConnection | None = None
        self.error: Exception | None = None
        self.started_at = monotonic()
        # A bare lock: to wait for it, and to open it, is one step each that nothing can interrupt halfway.
        self._gate = threading.Lock()
        self._gate.acquire()

    @property
    def is_waiting(self) -> bool:
        """Whether it was neither served nor turned away."""
        return self.connection is None and self.error is None

    def serve(self, connection: PooledConnection) -> None:
        """Give it a connection, and wake it."""
        self.connection = connection
        self._gate.release()

    def fail(self, error: Exception) -> None:
        """Turn it away with `error`, and wake it."""
        if self.is_waiting:
            self.error = error
            self._gate.release()

    def result(self) -> PooledConnection:
        """Return what it was served with, or raise why it was turned away."""
        if self.error is not None:
            raise self.error
        return cast("PooledConnection", self.connection)

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds`; return whether it was served or turned away."""
        return not self.is_waiting or self._gate.acquire(timeout=max(0.0, seconds)) or not self.is_waiting


class Reserve:
    """
    The last place, from a deadlock until nobody has used it for `seconds`.

    Without it the next in the queue fill the pool and block one another again: each round costs one more
    caller an error. With it, whoever needs a second connection finds the last place free, or waits for one
    who will give back two. It is enough for borrowers who need two; where three are needed, another deadlock
    may follow. It never starves those who hold none: it keeps one place of several from them, and ends when
    nobody uses it.

    Attributes:
        rank: of the class whose last place it is, and that of all below; 0 for the pool's.
        places: how many that class and those below may have; None for the bound.
    """

    __slots__ = ("_ends_at", "_seconds", "places", "rank")

    def __init__(self, seconds: float, *, rank: int = 0, places: int | None = None) -> None:
        self._seconds = seconds
        self.rank = rank
        self.places = places
        self.renew()

    def renew(self) -> None:
        """Count from now."""
        self._ends_at = monotonic() + self._seconds

    def admits(self, *, holds_one: bool, lent: int, bound: int) -> bool:
        """
        Tell whether a borrower may have a connection while `lent` of `bound` are checked out.

        One who holds a connection may, and the reserve is renewed. One who holds none must leave a place, but
        not the only one: while nothing is lent, nobody holds any.
        """
        if holds_one:
            self.renew()
            return True
        return lent == 0 or lent + 1 < bound

    def seconds_left(self) -> float:
        """Return how long it lasts if nobody uses it; negative when it is over."""
        return self._ends_at - monotonic()


class WaitQueue:
    """
    The borrowers in the queue, and the reserve. Guarded by the pool's lock.

    It keeps no waiter alive: one whose call was interrupted is in no queue any more.
    """

    def __init__(self, *, reserve_seconds: float = RESERVE_SECONDS) -> None:
        self.reserve: Reserve | None = None
        self.reserve_seconds = reserve_seconds
        # Weak, dead ones included until they are first: whether it is empty costs no call.
        self.waiters: deque[ReferenceType[Waiter]] = deque()
        # How often in a row somebody was served before one of a lower class.
        self._turns = 0

    def __iter__(self) -> Iterator[Waiter]:
        """Those who wait, the next first."""
        waiters = (each() for each in self.waiters)
        return (each for each in waiters if each is not None and each.is_waiting)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def count(self, up_to: int, *, room: Room | None = None) -> int:
        """
        Return how many wait, or `up_to` when there are more: they are not all counted.

        With `room`, those who may be served beside what is lent.
        """
        if room is None:
            return sum(1 for _ in islice(self, up_to))
        found = 0
        for waiter in self:
            if found >= up_to:
                break
            if room.is_left_for(waiter.loan.borrower_class):
                room.take(waiter.loan.borrower_class)
                found += 1
        return found

    def add(self, waiter: Waiter) -> None:
        """Put a borrower last of its class; before all who hold no connection, when it holds one."""
        self._forget_served()
        behind = sum(1 for _ in takewhile(partial(_goes_after, waiter), reversed(self.waiters)))
        self.waiters.insert(len(self.waiters) - behind, ref(waiter))

    def remove(self, waiter: Waiter) -> None:
        """Take a borrower out, wherever it stands."""
        if ref(waiter) in self.waiters:
            self.waiters.remove(ref(waiter))

    def clear(self) -> None:
        """Take everybody out."""
        self.waiters.clear()

    def next(self, *, room: Room, bound: int) -> Waiter | None:
        """
        Return who is to be served next, or None: nobody waits, or no place is for them.

        It is the first in the queue who may have one. But when one class goes before another that could be
        served `TURNS` times in a row, the other has the next turn: the higher classes can fill the pool, and
        would otherwise leave nothing to those below, for ever.
        """
        self._forget_served()
        may_have_one = partial(self._admits, room=room, bound=bound)
        first = next(filter(may_have_one, self), None)
        if first is None or first.holds_one:
            return first
        below = self._below(first, may_have_one)
        if below is not None and self._turns >= TURNS:
            first, below = below, None
        self._turns = 0 if below is None else self._turns + 1
        return first

    def _below(self, first: Waiter, may_have_one: Callable[[Waiter], bool]) -> Waiter | None:
        """Return who waits longest of those in the classes below who could be served instead of `first`."""
        last = self.waiters[-1]()
        if last is first or (last is not None and _rank(last) == _rank(first)):
            return None
        below = (each for each in self if _rank(each) > _rank(first) and may_have_one(each))
        return min(below, key=lambda each: each.started_at, default=None)

    def count_before(self, borrower_class: BorrowerClass) -> int:
        """Return how many wait of this class and those above: one of it who comes now has them in front."""
        return sum(_rank(each) <= borrower_class.rank for each in self)

    def _forget_served(self) -> None:
        while self.waiters and not _is_waiting(self.waiters[0]):
            self.waiters.popleft()

    # The last place, after a deadlock ------------------------------------------------------------------

    def keep_reserve(self, *, rank: int = 0, places: int | None = None) -> None:
        """Keep the last place, of a class and those below, for those who hold a connection, from now on."""
        self.reserve = Reserve(self.reserve_seconds, rank=rank, places=places)

    def admits(self, borrower_class: BorrowerClass, *, holds_one: bool, room: Room, bound: int) -> bool:
        """Tell whether a borrower may have a connection beside what is lent."""
        if not room.is_left_for(borrower_class):
            return False
        reserve = self.reserve
        if reserve is None or borrower_class.rank < reserve.rank:
            return True
        places = bound if reserve.places is None else min(reserve.places, bound)
        return reserve.admits(holds_one=holds_one, lent=room.lent(reserve.rank), bound=places)

    def _admits(self, waiter: Waiter, *, room: Room, bound: int) -> bool:
        return self.admits(waiter.loan.borrower_class, holds_one=waiter.holds_one, room=room, bound=bound)

    def end_reserve(self) -> float:
        """End the reserve unless it is of use; return the seconds until the next look, 0 when it ended."""
        if self.reserve is None:
            return 0.0
        first = next(iter(self), None)
        if first is not None and first.holds_one:
            self.reserve.renew()
        left = self.reserve.seconds_left()
        if left <= 0:
            self.reserve = None
        return max(0.0, left)


def _is_waiting(reference: ReferenceType[Waiter]) -> bool:
    waiter = reference()
    return waiter is not None and waiter.is_waiting


def _goes_after(waiter: Waiter, reference: ReferenceType[Waiter]) -> bool:
    """Tell whether one who waits already goes after `waiter`, who comes now."""
    other = reference()
    return other is None or _turn(other) > _turn(waiter)


def _turn(waiter: Waiter) -> tuple[bool, int]:
    return not waiter.holds_one, _rank(waiter)


def _rank(waiter: Waiter) -> int:
    return waiter.loan.borrower_class.rank
