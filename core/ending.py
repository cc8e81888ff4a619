"""
The end of a process: its pools stop lending, wait a little for what is out, and close.

A server finishes its accepted requests first; this runs when the interpreter exits.
"""

import atexit
import logging
from weakref import WeakSet

from django.db import connections

from core.pool import SharedPool

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0

_pools: WeakSet[SharedPool] = WeakSet()


def finish_at_exit(pool: SharedPool) -> None:
    """Close `pool` in an orderly way when this process ends."""
    _pools.add(pool)


def forget_in_child() -> None:
    """Leave the parent's pools to the parent, after a fork."""
    _pools.clear()


@atexit.register
def _finish() -> None:
    # What this very thread holds would never come back while it waits here.
    connections.close_all()
    for pool in list(_pools):
        if not pool.closed and not pool.finish(PATIENCE_SECONDS):
            logger.warning("pool %s closed with connections out: %s", pool.name, pool.stats().in_words())
