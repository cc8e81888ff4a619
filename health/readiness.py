"""
Should requests come here? Not where the database cannot be reached, nor where it takes no writes.

Whether it takes writes is asked once a second at most, however many monitors and strangers ask /ready.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic

from django.conf import settings

from core import db

WRITES_ASKED_EVERY_SECONDS = 1.0
# Of a server that answers, and takes no writes.
_TAKES_NO_WRITES = {"read_only", "out_of_resources"}


def ask(question: Callable[[float], float]) -> tuple[db.Diagnosis | None, float]:
    """
    Ask the database, for HEALTH_DB_TIMEOUT at most.

    Returns:
        Why it cannot serve, or None, and the milliseconds that its answer took.
    """
    try:
        return None, question(settings.HEALTH_DB_TIMEOUT)
    except db.DriverError as error:
        fault = db.diagnose(error, borrower="health")
        if fault is None:
            raise
        return fault, 0.0


class Readiness:
    """
    What this process knows of its database.

    A failed write check stands until the next one succeeds, also while a full pool lets nobody ask.
    """

    def __init__(self) -> None:
        self._asking = Lock()
        self._ask_at = 0.0
        self._failure: db.Diagnosis | None = None

    def fault(self) -> db.Diagnosis | None:
        """Return why the database cannot serve now, or None."""
        # One at a time: where the check takes long, whoever asks meanwhile learns what is known.
        if monotonic() < self._ask_at or not self._asking.acquire(blocking=False):
            return self._failure or ask(db.ping)[0]
        try:
            return self._check_writes()
        finally:
            self._asking.release()

    def _check_writes(self) -> db.Diagnosis | None:
        fault, _ = ask(db.check_writes)
        if fault is not None and fault.reason not in _TAKES_NO_WRITES:
            return self._failure or fault  # the check was not made
        self._failure, self._ask_at = fault, monotonic() + WRITES_ASKED_EVERY_SECONDS
        return fault


of_this_process = Readiness()
