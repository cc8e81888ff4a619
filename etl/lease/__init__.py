"""
The lease: which process may write the rows of a source now.
"""

from etl.lease.lease import HeldLease, LeaseHeld, LeaseLost, leased, take

__all__ = ["HeldLease", "LeaseHeld", "LeaseLost", "leased", "take"]
