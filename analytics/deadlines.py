"""
Until when a fact may be stored: its caller gives up, and must not be told one thing while we store another.

Two may end a request: the thread that stores it, and who answers in its place when the time is over. Whoever
comes first decides, and the other one finds out.
"""

import math
from contextlib import suppress
from time import monotonic

from django.conf import settings
from django.http import HttpRequest

HEADER = "X-Scan-Timeout"
# Where a server that counts from a request's arrival leaves the deadline, among the request's META.
META_KEY = "turnstile.deadline"
# Less is nobody's patience: a scan under load takes as long.
SHORTEST_SECONDS = 0.5
# Of a caller's patience; the rest is for the answer's way.
SHARE = 0.95


class DeadlinePassed(Exception):
    """
    It is too late to store this: its caller has given up, or was told that nothing was decided.

    If you are hitting this, something holds up the database or the service for SCAN_TIMEOUT seconds: the log
    and `manage.py pool` tell what.
    """


class Deadline:
    """
    The end of a caller's patience.

    Attributes:
        at: monotonic seconds.
    """

    __slots__ = ("_turn", "at")

    def __init__(self, seconds: float) -> None:
        self.at = monotonic() + seconds
        # One item: to take it is one step, which no other thread can be in the middle of.
        self._turn = [True]

    @property
    def seconds_left(self) -> float:
        """Seconds until it passes; negative when it has."""
        return self.at - monotonic()

    def give_up(self) -> bool:
        """Decide that nothing will be stored; return False where it is being stored already."""
        return self._take_turn()

    def keep(self) -> None:
        """
        Decide to store: called once, right before the commit.

        Raises:
            DeadlinePassed: it is too late, or somebody gave up.
        """
        if self.seconds_left <= 0 or not self._take_turn():
            raise DeadlinePassed

    def _take_turn(self) -> bool:
        try:
            return self._turn.pop()
        except IndexError:
            return False


def begin(asked: str | None) -> Deadline:
    """Return the deadline of a request that arrives now; `asked` is its header's value, in seconds."""
    patience: float = settings.SCAN_TIMEOUT
    if asked is not None:
        patience = min(patience, seconds_asked(asked) or math.inf)
    return Deadline(SHARE * patience)


def seconds_asked(text: str | None) -> float | None:
    """Return the patience that a caller names; None where it names none, or none that is accepted."""
    with suppress(ValueError):
        seconds = float(text or "")
        if SHORTEST_SECONDS <= seconds < math.inf:
            return seconds
    return None


def of(request: HttpRequest) -> Deadline:
    """Return a request's deadline: its server's, or one that begins now."""
    found: Deadline | None = request.META.get(META_KEY)
    return found or begin(request.headers.get(HEADER))
