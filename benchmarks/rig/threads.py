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


def crowd(size: int, action: Callable[[int], object], timeout_seconds: float) -> None:
    """Run `action(0)` to `action(size - 1)` at once, each in a thread."""
    threads = [Worker(action, number) for number in range(size)]
    for thread in threads:
        thread.start()
    join(threads, timeout_seconds)


def join(threads: list[Worker], timeout_seconds: float) -> None:
    """Wait for the threads, `timeout_seconds` for all of them together."""
    deadline = monotonic() + timeout_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
