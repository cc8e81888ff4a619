"""
What holds for every row of a dialect, worked out once.
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    Bounds and stand-ins.

    Attributes:
        latest_at: a later sale is in the future.
        latest_on: a later day has not begun anywhere by then.
        currency: of a sale that tells none; "" when there is none.
        zone: of a time without an offset; None when there is none.
    """

    latest_at: datetime
    latest_on: date
    currency: str
    zone: ZoneInfo | None
