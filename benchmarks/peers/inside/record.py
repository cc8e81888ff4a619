"""
Notes how each test ended, a line of JSON each, so that a run that is cut short leaves what it had.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FILE = "PEERS_RECORD"
TEST_SECONDS = "PEERS_TEST_SECONDS"
# A test that swallows the first interruption, or hangs again in its clean-up, gets another.
AGAIN_AFTER_SECONDS = 5.0


class TookTooLong(BaseException):
    """A test was interrupted; nobody's `except Exception` may take it for an answer."""


def note(test: str, outcome: str, message: str = "") -> None:
    """Note that `test` passed, failed, was skipped or failed as expected (xfailed)."""
    with open(os.environ[FILE], "a") as record:  # noqa: PTH123 - some suites replace pathlib's parts
        record.write(json.dumps({"test": test, "outcome": outcome, "message": message}) + "\n")


@contextmanager
def limited() -> Iterator[None]:
    """Interrupt what takes longer than a test may take."""
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, float(os.environ[TEST_SECONDS]), AGAIN_AFTER_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _interrupt(*_: Any) -> None:
    raise TookTooLong(f"the test took more than {os.environ[TEST_SECONDS]} s")
