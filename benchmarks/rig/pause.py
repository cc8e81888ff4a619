"""
Sleeping, in a process whose clock may be libfaketime's: there, `time.sleep` fails.
"""

from threading import Event


def sleep(seconds: float) -> None:
    """Wait for `seconds` on the monotonic clock."""
    Event().wait(seconds)
