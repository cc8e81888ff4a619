"""
How full the pool is: one consistent snapshot, taken under the pool's lock.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassStats:
    """One class of borrowers in one instant of a pool, in connections."""

    name: str
    places: int  # how many it and the classes below it may have
    checked_out: int  # lent to it
    waiting: int  # of it, in the queue


@dataclass(frozen=True, slots=True)
class PoolStats:
    """
    One instant of a pool, in connections.

    Holds always: open = checked_in + checked_out + connecting <= max, and no number is negative.
    """

    pool_size: int  # the configured size, as SQLAlchemy's size()
    max: int  # POOL_SIZE + POOL_MAX_OVERFLOW
    checked_in: int  # open and idle
    checked_out: int  # lent to a borrower
    connecting: int  # being opened
    waiting: int  # borrowers in the queue
    classes: tuple[ClassStats, ...] = ()  # the first one first; none in a pool that treats everybody alike

    @property
    def open(self) -> int:
        """Connections that count against the bound."""
        return self.checked_in + self.checked_out + self.connecting

    @property
    def overflow(self) -> int:
        """Connections above `pool_size`."""
        return max(0, self.open - self.pool_size)

    def as_text(self) -> str:
        """Return the numbers as error messages show them: `15/15 in use, 0 idle, 7 waiting`."""
        connecting = f"{self.connecting} connecting, " if self.connecting else ""
        in_use = f"{self.checked_out}/{self.max} in use"
        return f"{in_use}, {self.checked_in} idle, {connecting}{self.waiting} waiting"
