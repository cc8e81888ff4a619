"""
A source's lease for work that is no run: while it is held no run begins, and a run at work refuses it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from core import db
from etl.lease import lease as leases
from etl.lease.lease import HeldLease


@contextmanager
def leased(source: str) -> Iterator[HeldLease]:
    """
    Hold the lease of `source` while the block runs; no connection is held for it.

    Raises:
        LeaseHeld: a run of the source is at work.
    """
    with db.get_engine().begin() as connection:
        lease = leases.take(connection, source=source, run_id=None)
    try:
        yield lease
    finally:
        with db.get_engine().begin() as connection:
            lease.release(connection)
