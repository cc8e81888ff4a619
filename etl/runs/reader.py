"""
Reading ahead: a thread reads, parses and encodes pages while the run loads those before it.

It touches no database. At most two finished pages wait, so memory does not grow with the number of rows.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from queue import Empty, Queue
from types import TracebackType
from typing import NamedTuple, Self

from etl.loading.staging import EncodedPage
from etl.rows import Page

AHEAD = 2
# How often a run that waits checks its lease, and whether it was asked to stop.
TICK_SECONDS = 0.2


class _Item(NamedTuple):
    """A page, or the end: with the error that ended it, or None."""

    page: EncodedPage | None
    error: BaseException | None = None


class ReadAhead:
    """
    Iterates over the pages that `pages()` yields, read and encoded in a thread; a `with` block ends it.

    Its errors are raised where the page that they stand for would have come.
    """

    def __init__(
        self,
        pages: Callable[[], Iterator[Page]],
        *,
        until: datetime | None,
        idle: Callable[[], bool],
    ) -> None:
        """
        Rows from `until` on are left out, unless it is None.

        `idle` is called several times a second while no page is there; False ends the iteration.
        """
        self._pages, self._until, self._idle = pages, until, idle
        self._queue: Queue[_Item] = Queue(maxsize=AHEAD)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="etl reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        # A reader that waits for room finds it, sees that it is over and ends. One that waits for its source
        # ends when that answers or gives up: it holds nothing that others need, so it is not waited for.
        while not self._queue.empty():
            self._queue.get_nowait()

    def __iter__(self) -> Iterator[EncodedPage]:
        while (item := self._next()) is not None:
            if item.error is not None:
                raise item.error
            if item.page is None:
                return
            yield item.page

    def _next(self) -> _Item | None:
        while True:
            try:
                return self._queue.get(timeout=TICK_SECONDS)
            except Empty:
                if not self._idle():
                    return None

    def _read(self) -> None:
        pages = self._pages()
        try:
            for page in pages:
                if self._is_over.is_set():
                    return
                self._queue.put(_Item(EncodedPage.of(page.before(self._until))))
            self._queue.put(_Item(None))
        except BaseException as error:  # noqa: BLE001 - it belongs to the run, in the other thread
            self._queue.put(_Item(None, error))
        finally:
            if close := getattr(pages, "close", None):
                close()
