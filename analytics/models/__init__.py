"""
What the analytics app stores. Django owns the schema; `core.tables` derives SQLAlchemy's view of it.

Rows are written by `analytics.services` and read by `analytics.queries`. Facts (scans, admissions, transfers,
invalid attempts) are never changed afterwards.
"""

from analytics.models.counter import COUNT_NAMES, COUNTER_SHARDS, EventCounter
from analytics.models.event import Event, Gate
from analytics.models.invalid_attempt import InvalidAttempt
from analytics.models.scan import Admission, Outcome, Scan
from analytics.models.transfer import Transfer

__all__ = [
    "COUNTER_SHARDS",
    "COUNT_NAMES",
    "Admission",
    "Event",
    "EventCounter",
    "Gate",
    "InvalidAttempt",
    "Outcome",
    "Scan",
    "Transfer",
]
