"""
Connections that are lent for too long, or that nobody has any more: reported with the borrower's stack.
"""

import gc
import logging
from collections.abc import Iterable
from time import monotonic

from core.pool import stacks
from core.pool.loans import Loan

logger = logging.getLogger(__name__)

# To look for lost connections stops every thread for a moment; so many such moments lie between two looks.
PAUSE_PER_SEARCH = 20


def report_leaks(loans: Iterable[Loan], *, after: float) -> None:
    """Log each loan that is older than `after` seconds, once."""
    for loan in loans:
        if loan.held_for >= after and not loan.is_reported:
            loan.is_reported = True
            logger.warning(
                "connection held too long: %s; the borrower's stack:\n%s",
                loan.as_text(),
                stacks.as_text(loan.stack),
            )


def note_return(loan: Loan) -> None:
    """Log that a connection came back after all, if it was reported."""
    if loan.is_reported:
        logger.warning("connection came back after all: %s", loan.as_text())


def note_dropped(loan: Loan) -> None:
    """Log that a connection was dropped by its borrower, and is closed."""
    happened = (
        "a connection was dropped, not returned"
        if loan.thread.is_alive()
        else "a thread died with a connection"
    )
    logger.warning("%s: %s; its stack:\n%s", happened, loan.as_text(), stacks.as_text(loan.stack))


class OrphanSearch:
    """
    Finds connections that nobody references any more, but for a circle of objects that awaits the collector.

    A thread that ends leaves Django's connection object in such a circle, and with it the connection. Whether
    the thread that borrowed it still runs says nothing by itself: it may have passed the connection on.
    """

    def __init__(self) -> None:
        self._next_at = 0.0

    def is_due(self, loans: Iterable[Loan]) -> bool:
        """Tell whether a borrower's thread has ended, and the last search was a while ago."""
        return monotonic() >= self._next_at and any(not loan.thread.is_alive() for loan in loans)

    def run(self) -> None:
        """Collect: what nobody references is closed, and its slot is free."""
        started = self._next_at = monotonic()
        gc.collect()
        self._next_at += (monotonic() - started) * PAUSE_PER_SEARCH
