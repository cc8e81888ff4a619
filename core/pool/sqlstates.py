"""
What a SQLSTATE means for whoever asked the database: the one table.

The class of an exception does not tell: psycopg puts a lost connection, a value that is too long for an index
and a savepoint that does not exist under one and the same OperationalError.
"""

from collections.abc import Mapping
from typing import Literal

# Why the database cannot serve now, so that a later try may succeed.
Reason = Literal["pool_full", "unreachable", "busy", "timeout", "conflict", "out_of_resources", "read_only"]

# A connection could not be opened; the server refused to open one.
UNABLE_TO_CONNECT = "08001"
REFUSED_TO_CONNECT = "08004"

# A prepared statement is gone, or would give other columns than it did: the next try plans it again.
PLAN_IS_GONE = {"26000", "0A000"}

# A code decides before its class. What is not here, bad input or a mistake of ours, fails the next time too.
REASONS: Mapping[str, Reason | None] = {
    # The connection is lost, or none can be had.
    "08": "unreachable",
    # A message that does not fit, such as one parameter too few. PgBouncer says so of other things, too, but
    # then ends the connection.
    "08P01": None,
    "57P01": "unreachable",  # the server, or somebody's pg_terminate_backend(), ended the session
    "57P02": "unreachable",
    "57P03": "unreachable",  # starting, stopping or recovering
    "57P04": "unreachable",  # the database was dropped
    "57P05": "unreachable",  # the session was idle for too long
    "53300": "unreachable",  # too many connections
    # Somebody else's work is in the way.
    "55P03": "busy",  # lock_timeout, NOWAIT
    "57014": "timeout",  # statement_timeout, or somebody's pg_cancel_backend()
    "25P03": "timeout",  # the transaction was idle for too long
    "25P04": "timeout",  # the transaction took too long
    "40001": "conflict",  # serialization
    "40P01": "conflict",  # deadlock
    # The server has no room.
    "53": "out_of_resources",  # the disk, the memory, the limit of temporary files
    "58000": "out_of_resources",
    "58030": "out_of_resources",  # a disk that fails
    # A standby takes no writes.
    "25006": "read_only",
}

# To a connect: what no waiting mends. 28 and 3D: the password, the role, the database; 42: not allowed in,
# an unknown option; 22: an option's value; 0A: not supported.
_REFUSALS = {"0A", "22", "28", "3D", "42"}


def reason_of(sqlstate: str) -> Reason | None:
    """Return why the database cannot serve now; None when a later try fails the same way."""
    return REASONS.get(sqlstate, REASONS.get(sqlstate[:2]))


def is_refusal(sqlstate: str) -> bool:
    """Tell whether a connect that failed with it fails until somebody changes something."""
    return sqlstate[:2] in _REFUSALS
