"""
Threads that do the same thing at once, and that the process does not wait for at its end.
"""

import threading
from collections.abc import Callable
from time import monotonic


class Worker(threading.Thread):
    """A thread that the process does not wait for at its end."""

    def __init__(self, action: Callable[..., object], *arguments: object) -> None:
        super().__init__(target=action, args=arguments, daemon=True)


def crowd(size: int, action: Callable[[int], object], patience_seconds: float) -> None:
    """Run `action(0)` to `action(size - 1)` at once, each in a thread."""
    threads = [Worker(action, number) for number in range(size)]
    for thread in threads:
        thread.start()
    join(threads, patience_seconds)


def join(threads: list[Worker], patience_seconds: float) -> None:
    """Wait for the threads, `patience_seconds` for all of them together."""
    deadline = monotonic() + patience_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
