"""
After a deadlock, a pool's last place is for those who hold a connection already, for a while.

Without it the next in line fill the pool and block one another again: each round costs one more caller an
error. With it, whoever needs a second connection finds the last place free, or waits for one who will give
back two. It is enough for borrowers who need two; where three are needed, another alarm may follow. It never
starves those who hold none: it keeps one place of several from them, and ends when nobody uses it.
"""

from time import monotonic

# Longer than a request works between its first connection and its second; for so long one place may be idle
# while somebody waits.
RESERVE_SECONDS = 5.0


class Reserve:
    """
    The last place, from an alarm until nobody has used it for `seconds`. Guarded by the lock of its pool.
    """

    __slots__ = ("_ends_at", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Count from now."""
        self._ends_at = monotonic() + self._seconds

    def admits(self, *, holds_one: bool, lent: int, bound: int) -> bool:
        """
        Tell whether a borrower may have a connection while `lent` of `bound` are out.

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
