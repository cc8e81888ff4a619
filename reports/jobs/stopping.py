"""
How a worker is stopped by a signal: at once where that is safe, else at the end of the step.

Only a report in the making is interrupted; it goes back into the queue. Nowhere else does a signal raise.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STDIN = 0


class Stopped(KeyboardInterrupt):
    """The process was asked to stop. A KeyboardInterrupt: for that, the driver cancels its statement."""


@dataclass
class _Process:
    """What the signal handler knows of the main thread, in which it runs."""

    is_interruptible: bool = False


_requested = threading.Event()
_process = _Process()


def handle_signals() -> None:
    """From now on, SIGTERM, SIGINT and SIGHUP stop this process in order; a second one changes nothing."""
    for number in SIGNALS:
        signal.signal(number, _on_signal)


def stop_when_stdin_closes() -> None:
    """Stop when the other end of the standard input is closed: the process that started this one is gone."""
    threading.Thread(target=_wait_for_end_of_stdin, name="parent-watch", daemon=True).start()


def is_requested() -> bool:
    """Return whether this process was asked to stop."""
    return _requested.is_set()


def wait(seconds: float) -> None:
    """Wait for `seconds`, or until this process is asked to stop."""
    _requested.wait(seconds)


@contextmanager
def interruptible() -> Iterator[None]:
    """
    Let a signal interrupt the block; what it did must be undone by its own error handling.

    Raises:
        Stopped: this process was asked to stop, now or before.
    """
    try:
        _process.is_interruptible = True
        if is_requested():
            raise Stopped
        yield
    finally:
        _process.is_interruptible = False


def _on_signal(_number: int, _frame: object) -> None:
    is_first = not _requested.is_set()
    _requested.set()
    if is_first and _process.is_interruptible:
        raise Stopped


def _wait_for_end_of_stdin() -> None:
    # Not through sys.stdin: its lock would be held while the interpreter ends.
    while os.read(STDIN, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
