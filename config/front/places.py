"""
Places: a bounded number of threads for one kind of request, and a bounded number that wait for one.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class NoPlace(Exception):
    """
    All places of this kind are taken, and as many wait as may.
    """


class Places:
    """
    The places of one kind, of one event loop, which alone counts them.

    Args:
        name: of its threads.
        threads: that many calls run at once.
        waiting: that many more wait for a thread; the next one is refused.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self._bound = threads + waiting
        self._taken = 0
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def run(
        self, call: Callable[Arguments, Answer], /, *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> "asyncio.Future[Answer]":
        """
        Run `call` in a thread of this kind, after those that came before.

        Returns:
            Its answer, to be awaited; it keeps its place to its end, whether somebody awaits it or not.

        Raises:
            NoPlace: too many wait already.
        """
        if self._taken >= self._bound:
            raise NoPlace
        self._taken += 1
        try:
            future = asyncio.wrap_future(self._threads.submit(call, *arguments, **named))
        except BaseException:
            self._taken -= 1
            raise
        future.add_done_callback(self._free)
        return future

    def _free(self, future: "asyncio.Future[Answer]") -> None:
        self._taken -= 1
        if not future.cancelled():
            # Known, also where nobody waits for it any more.
            future.exception()

    def close(self) -> None:
        """Start nothing more; what runs ends by itself."""
        self._threads.shutdown(wait=False)
