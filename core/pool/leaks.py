"""
Connections that stay out too long: reported with the borrower's stack, and taken back from dead threads.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from psycopg import pq

from core.pool import stacks
from core.pool.connection import PooledConnection
from core.pool.loans import Loan

if TYPE_CHECKING:
    from core.pool.pool import SharedPool

logger = logging.getLogger(__name__)


def watch(pool: "SharedPool") -> None:
    """Go through what is lent, once."""
    for connection, loan in pool.loans():
        if is_orphan(connection, loan):
            _take_back(pool, connection, loan)
        elif loan.held_for >= pool.leak_seconds and not loan.is_reported:
            loan.is_reported = True
            logger.warning(
                "connection held too long: %s; the borrower's stack:\n%s",
                loan.in_words(),
                stacks.in_words(loan.stack),
            )


def has_orphan(loans: Iterable[tuple[PooledConnection, Loan]]) -> bool:
    """Tell whether some connection's borrower is dead."""
    return any(is_orphan(connection, loan) for connection, loan in loans)


def is_orphan(connection: PooledConnection, loan: Loan) -> bool:
    """
    Tell whether the thread that borrowed `connection` has ended without returning it.

    One that still runs a statement was passed on to a living thread: it is left alone.
    """
    return not loan.thread.is_alive() and connection.pgconn.transaction_status != pq.TransactionStatus.ACTIVE


def maybe_note_return(loan: Loan) -> None:
    """Say that a connection came back after all, if it was reported."""
    if loan.is_reported:
        logger.warning("connection came back after all: %s", loan.in_words())


def _take_back(pool: "SharedPool", connection: PooledConnection, loan: Loan) -> None:
    logger.warning(
        "a thread died with a connection: %s; its stack:\n%s", loan.in_words(), stacks.in_words(loan.stack)
    )
    pool.forget(connection)
