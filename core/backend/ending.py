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

# Every pool that this process made: closed when it ends, abandoned in a child that it forks.
own_pools: WeakSet[SharedPool] = WeakSet()


@atexit.register
def _finish() -> None:
    # What this very thread holds would never come back while it waits here.
    connections.close_all()
    for pool in list(own_pools):
        if not pool.closed and not pool.finish(PATIENCE_SECONDS):
            logger.warning("pool %s closed with connections out: %s", pool.name, pool.stats().in_words())
