"""
The pools that this process made for Django: closed when it ends, forgotten in a child that it forks.

At the end they stop lending, wait a little for what is lent, and close. A server finishes its accepted
requests first; this runs when the interpreter exits. Exit handlers that run later still get connections: the
log that one of them flushes may end in the database.

After a fork, the child makes pools of its own, under its own name; `core.pool.forks` has let go of the
parent's connections by then.
"""

import atexit
import logging
import os
import threading
from typing import Any
from weakref import WeakSet

from django.db import connections

from core.pool import SharedPool
from core.pool.slots import Slots

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 5.0

# The pool of each alias, and its bound, which outlives a pool that is replaced.
connection_pools: dict[str, SharedPool] = {}
slots: dict[str, Slots] = {}
# Every pool that this process made, replaced ones too.
own_pools: WeakSet[SharedPool] = WeakSet()
# Where the exit handlers run, once ours has.
_exit_thread: threading.Thread | None = None


def adopt(pool: SharedPool) -> None:
    """Close `pool` when this process ends; if it is ending, keep it closed."""
    own_pools.add(pool)
    pool.exit_thread = _exit_thread


@atexit.register
def _finish() -> None:
    global _exit_thread  # noqa: PLW0603
    # What this very thread holds would never come back while it waits here.
    connections.close_all()
    for pool in list(own_pools):
        if not pool.closed and not pool.shut_down(LONGEST_WAIT_SECONDS):
            logger.warning(
                "pool %s closed with connections checked out: %s", pool.name, pool.stats().as_text()
            )
    _exit_thread = threading.current_thread()
    for pool in list(own_pools):
        pool.exit_thread = _exit_thread


def _forget_in_child() -> None:
    global _exit_thread  # noqa: PLW0603
    _exit_thread = None
    _forget_connections_of_this_thread()
    own_pools.clear()
    # The first borrower makes a pool of the child's own.
    connection_pools.clear()
    slots.clear()


def _forget_connections_of_this_thread() -> None:
    for wrapper in connections.all(initialized_only=True):
        if wrapper.connection is None or not wrapper.settings_dict["OPTIONS"].get("pool"):
            continue
        wrapper.connection = None
        _forget_turns(wrapper)
        if wrapper.in_atomic_block:
            # As Django does when a connection is lost inside atomic(): the block cannot commit.
            wrapper.closed_in_transaction = True
            wrapper.needs_rollback = True


def _forget_turns(wrapper: Any) -> None:
    """Part with what SQLAlchemy had of the parent's transaction: whoever still holds some gets an error."""
    turns = getattr(wrapper, "turns", None)
    if turns is not None:
        wrapper.turns = None
        turns.note_gone(None, is_undone=True)


# After the one of core.pool, which is imported above: a connection that is forgotten is closed.
os.register_at_fork(after_in_child=_forget_in_child)
