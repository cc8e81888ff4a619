"""
The two signals that end a run. The first asks it to finish its page and save; a second ends it at once.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """`event` is set by the first signal; `number` says which one it was, None so far."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.number: signal.Signals | None = None

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Note the signal; from now on the system's own answer to it is in force."""
        self.number = signal.Signals(number)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self.event.set()


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """While the block runs, let a signal set `Stop.event` instead of ending the process."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set handlers; no terminal sends Ctrl-C to another one.
        yield stop
        return
    before = {number: signal.signal(number, stop.ask) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
