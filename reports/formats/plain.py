"""
Values as plain text, for machines: no grouping, no locale, instants in UTC.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def plain_text(value: Any) -> str:
    """
    Return a cell's or a figure's value as text: "" for None, "12.5000", "2025-06-01T20:00:00.000000Z".

    CSV's cells, which Postgres makes, look the same. An instant without a zone is UTC: XLSX has such.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        utc = value if value.tzinfo is None else value.astimezone(UTC)
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        # Never 1E+2.
        return format(value, "f")
    return str(value)
