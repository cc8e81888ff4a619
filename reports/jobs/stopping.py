"""
A worker that is told to stop: at once where that is safe, else at the end of the step.

Only a report in the making is interrupted; it goes back to the queue. Nothing else here raises out of the
blue.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STDIN = 0


class Stopped(KeyboardInterrupt):
    """The process was told to stop. A KeyboardInterrupt: for that, the driver cancels its statement."""


_is_told = threading.Event()
_is_interruptible = False


def listen() -> None:
    """From now on, SIGTERM, SIGINT and SIGHUP stop this process in order; a second one changes nothing."""
    for number in SIGNALS:
        signal.signal(number, _told)


def stop_when_stdin_closes() -> None:
    """Stop when the other end of the standard input is closed: whoever started this process is gone."""
    threading.Thread(target=_follow_stdin, name="parent-watch", daemon=True).start()


def is_told() -> bool:
    """Tell whether this process was told to stop."""
    return _is_told.is_set()


def wait(seconds: float) -> None:
    """Wait for `seconds`, or until this process is told to stop."""
    _is_told.wait(seconds)


@contextmanager
def interruptible() -> Iterator[None]:
    """
    Let a signal interrupt the block; what it did must be undone by its own error handling.

    Raises:
        Stopped: this process was told to stop, now or before.
    """
    global _is_interruptible  # noqa: PLW0603 - a signal handler knows only what its module knows
    _is_interruptible = True
    try:
        if is_told():
            raise Stopped
        yield
    finally:
        _is_interruptible = False


def _told(_number: int, _frame: object) -> None:
    is_first = not _is_told.is_set()
    _is_told.set()
    if is_first and _is_interruptible:
        raise Stopped


def _follow_stdin() -> None:
    # Not through sys.stdin: its lock would be held while the interpreter ends.
    while os.read(STDIN, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
