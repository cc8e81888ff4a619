"""
Log lines that a flood would repeat: the first is told, and then how many there were, once in a while.
"""

import logging
from collections import Counter
from time import monotonic

EVERY_SECONDS = 5.0


class Tally:
    """
    Counts what happens, and logs it as a warning, each kind of line at most once in `every` seconds.
    """

    def __init__(self, logger: logging.Logger, *, every: float = EVERY_SECONDS) -> None:
        self._logger = logger
        self._every = every
        self._counts: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}

    def note(self, line: str) -> None:
        """Count a line, and log it if that is due; a line that is told again says how often it came."""
        self._counts[line] += 1
        now = monotonic()
        if now - self._told_at.get(line, -self._every) < self._every:
            return
        count = self._counts.pop(line)
        self._told_at[line] = now
        self._logger.warning("%s%s", line, f" ({count} of them since it was last told)" if count > 1 else "")
