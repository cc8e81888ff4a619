"""
The dialect: what this deployment adds to what its upstream sends, and the bounds of what can be right.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from etl.parsing import values
from etl.rows import FURTHEST_AHEAD

# Clocks differ, and a day begins elsewhere before it begins here.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """
    How rows are read at one instant.

    Attributes:
        now: that instant, aware.
        currency: ISO code for a sale without one; "" rejects such a sale.
        timezone: IANA zone for a time without an offset; "" rejects such a time.
        zone: the same zone, worked out once; None for "".
        latest_at: a sale after it is in the future.
        latest_on: a day after it has not begun anywhere at `latest_at`.

    Raises:
        Unreadable: the currency is not a code of three letters, or the time zone is not known.
    """

    now: datetime
    currency: str = ""
    timezone: str = ""
    zone: ZoneInfo | None = field(init=False, repr=False, compare=False)
    latest_at: datetime = field(init=False, repr=False, compare=False)
    latest_on: date = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        latest_at = self.now + _AHEAD
        zone = ZoneInfo(values.zone("timezone", self.timezone)) if self.timezone else None
        self._set("zone", zone)
        self._set("latest_at", latest_at)
        self._set("latest_on", (latest_at + FURTHEST_AHEAD).date())
        if self.currency:
            self._set("currency", values.currency("currency", self.currency))

    def _set(self, name: str, value: object) -> None:
        # Frozen: this is the one way to keep what was worked out.
        object.__setattr__(self, name, value)
