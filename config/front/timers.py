"""
The ends of many short waits, which hardly ever come.

Those that would come at about the same time share one timer of the event loop: two of the loop's own for each
scan would take a seventh of its time.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Any

# How much later than asked it may be.
TICK_SECONDS = 0.02


class Timers:
    """Those of an event loop; of the one that runs now, where it is another than before."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: dict[int, set[Callable[[], Any]]] = {}

    def start(self, at: float, call: Callable[[], Any]) -> set[Callable[[], Any]]:
        """
        Let `call` be called at that moment, in monotonic seconds, or up to TICK_SECONDS later.

        Returns:
            A set: discard `call` from it, and it is not.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._calls = loop, {}
        tick = int(at / TICK_SECONDS) + 1
        calls = self._calls.get(tick)
        if calls is None:
            calls = self._calls[tick] = set()
            loop.call_later(tick * TICK_SECONDS - monotonic(), self._ring, calls, tick)
        calls.add(call)
        return calls

    def _ring(self, calls: set[Callable[[], Any]], tick: int) -> None:
        if self._calls.get(tick) is calls:
            del self._calls[tick]
        # One of them may take out another.
        for call in tuple(calls):
            if call in calls:
                call()


class Until:
    """
    A block that is over at a moment, in monotonic seconds: `asyncio.timeout_at` with a timer that it shares.

    Raises:
        TimeoutError: it was.
    """

    __slots__ = ("_at", "_calls", "_is_over", "_task", "_timers")

    def __init__(self, timers: Timers, at: float) -> None:
        self._timers, self._at, self._is_over = timers, at, False

    def __enter__(self) -> None:
        self._task: Any = asyncio.current_task()
        self._calls = self._timers.start(self._at, self)

    def __call__(self) -> None:
        self._is_over = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._calls.discard(self)
        # Somebody else's cancellation goes on.
        if self._is_over and not self._task.uncancel() and kind is asyncio.CancelledError:
            raise TimeoutError from error
