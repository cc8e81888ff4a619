"""
The arithmetic of connections against the server's limit.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ConnectionBudget:
    """
    How many connections a deployment may open, and how many its server grants.

    Attributes:
        workers: processes that serve requests, each with a pool.
        pool_bound: the most connections of one process, POOL_SIZE + POOL_MAX_OVERFLOW.
        commands: connections for `manage.py` commands that run meanwhile, one each.
        max_connections: the server's limit.
        reserved: those of `max_connections` that only superusers and privileged roles get.

    """

    workers: int
    pool_bound: int
    commands: int = 1
    max_connections: int
    reserved: int

    @property
    def needed(self) -> int:
        """The most connections that are ever open at once."""
        return self.workers * self.pool_bound + self.commands

    @property
    def available(self) -> int:
        """What the server grants to an ordinary role."""
        return self.max_connections - self.reserved

    @property
    def fits(self) -> bool:
        """Whether a spike can never meet "too many connections"."""
        return self.needed <= self.available

    @property
    def excess(self) -> int:
        """How many connections more than the server grants; negative where it fits."""
        return self.needed - self.available

    @property
    def room(self) -> int:
        """For how many such processes the server has connections."""
        return (self.available - self.commands) // self.pool_bound

    @property
    def largest_bound(self) -> int:
        """The most connections that each process may open, so that all of them fit; 0 or less: none."""
        return (self.available - self.commands) // self.workers

    @property
    def enough(self) -> int:
        """The smallest max_connections of the server that grants what is needed."""
        return self.needed + self.reserved

    def __str__(self) -> str:
        sum_needed = f"{self.workers} x {self.pool_bound} + {self.commands} = {self.needed}"
        return f"{sum_needed} of {self.available} ({self.max_connections} less {self.reserved} reserved)"
