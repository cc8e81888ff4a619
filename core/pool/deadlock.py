"""
A pool's deadlock: every connection is held by a thread that waits for a second one.

Nobody could ever be served, so the thread that closes the circle gets an error at once, gives its connection
back on the way out, and the others go on; `core.pool.wait_queue.Reserve` keeps the next in the queue from
closing it again.
It happens where code needs two connections: one library's transaction inside the other's, or
`core.db.independent()` inside `atomic()`.
"""

import threading
from collections.abc import Collection, Iterable

from psycopg_pool import PoolTimeout

from core.pool.loans import Loan


class PoolDeadlock(PoolTimeout):
    """
    Waiting would never have ended; the message names who holds what.

    If you are hitting this, several threads each need two connections at the same time. Let the inner code
    join the outer transaction (leave out `independent()`), or make POOL_MAX_OVERFLOW larger than the number
    of threads that need two.
    """


def find_deadlock(
    loans: Collection[Loan], waiting: Iterable[threading.Thread], *, pool: str
) -> PoolDeadlock | None:
    """
    Return the error for the current thread, which is about to wait, if every holder among `loans` waits.

    It names the pool, and has a line for each holder.
    """
    blocked = {threading.current_thread(), *waiting}
    if not loans or any(loan.thread not in blocked for loan in loans):
        return None
    holders = "\n".join(f"  {loan.as_text()}" for loan in loans)
    return PoolDeadlock(
        f"deadlock in pool {pool!r}: "
        f"all {len(loans)} connections are held by threads that wait for another:\n{holders}"
    )
