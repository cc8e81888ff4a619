"""
The queries about facts. Each uses one connection, and none changes anything.
"""

from analytics.queries.hours import scans_per_hour
from analytics.queries.lists import invalid_attempts_page, scan_log, scans_page, transfers_page
from analytics.queries.totals import daily_totals, event_totals

__all__ = [
    "daily_totals",
    "event_totals",
    "invalid_attempts_page",
    "scan_log",
    "scans_page",
    "scans_per_hour",
    "transfers_page",
]
