"""
What a run is asked for: from when, until when, and how many rejected rows it accepts.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

DEFAULT_LAG = timedelta(seconds=300)
# A share says little about the first few rows: one reject among ten would already be 10 %.
ROWS_TO_JUDGE = 100
HUNDRED_PERCENT = 100

_LIMIT = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<percent>%?)")


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How many rows may be rejected: a number of rows, or a share of those read, in percent."""

    count: int | None = None
    percent: Decimal | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read "20" or "1.5%".

        Raises:
            ValueError: it is neither.
        """
        match = _LIMIT.fullmatch(text.strip())
        if match and match["percent"] and Decimal(match["number"]) <= HUNDRED_PERCENT:
            return cls(percent=Decimal(match["number"]))
        if match and not match["percent"] and "." not in match["number"]:
            return cls(count=int(match["number"]))
        raise ValueError(f"{text!r} is not a limit: write a number such as 20, or a share such as 1.5%")

    def is_exceeded(self, *, rejected: int, read: int, is_end: bool) -> bool:
        """Return whether too many were rejected; a share counts at the end, or from 100 rows on."""
        if self.count is not None:
            return rejected > self.count
        is_known = is_end or read >= ROWS_TO_JUDGE
        return is_known and self.percent is not None and rejected * HUNDRED_PERCENT > self.percent * read

    def __str__(self) -> str:
        return f"{self.percent} %" if self.count is None else f"{self.count} rows"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """
    From when to when a run reads.

    Attributes:
        since: rows of this instant or later, instead of those since the cursor.
        is_full: every row.
        until: only rows before this instant; the cursor stays at it, at most.
        max_rejects: None for no limit.
        lag: how far before the cursor a run begins, for rows that the source committed late.
    """

    since: datetime | None = None
    is_full: bool = False
    until: datetime | None = None
    max_rejects: Limit | None = None
    lag: timedelta = DEFAULT_LAG

    def __post_init__(self) -> None:
        if self.is_full and self.since is not None:
            raise ValueError("a full run reads everything: leave out either --full or --since")
        naive = [name for name in ("since", "until") if (at := getattr(self, name)) and at.tzinfo is None]
        if naive:
            raise ValueError(f"{naive[0]} has no offset: write an instant such as 2026-01-05T00:00:00Z")

    @property
    def mode(self) -> str:
        """What was asked for, as text."""
        start = "full" if self.is_full else "incremental"
        if self.since is not None:
            start = f"since {self.since.isoformat()}"
        return start if self.until is None else f"{start} until {self.until.isoformat()}"
