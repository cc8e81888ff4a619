"""
The sign of life of a report in the making, and its progress: one short statement a second.

It comes from a thread of its own, so that a report that waits for its first row is not taken for dead. The
thread borrows a connection for each beat and returns it: a worker never holds more than two.
"""

import logging
import threading
from types import TracebackType
from typing import Self

from django.db import connections
from django.utils import timezone

from core import db
from reports.jobs import states
from reports.models import GeneratedReport

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
# The thread may be in a beat that waits for the database: a report that is made does not wait for ever.
JOIN_SECONDS = 40.0


class Superseded(RuntimeError):
    """Another attempt claimed the report, or it was deleted: this attempt's file is not wanted any more."""


class Heartbeat:
    """Beats while the block runs; `note` is the making's `on_progress`."""

    def __init__(self, generated: GeneratedReport) -> None:
        self._generated = generated
        self._progress: tuple[int, int | None] = (0, None)
        self._is_over = threading.Event()
        self._is_superseded = False
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{generated.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(JOIN_SECONDS)

    def note(self, rows: int, total: int | None) -> None:
        """
        Remember how many rows are written; the next beat stores it.

        Raises:
            Superseded: there is no point in going on.
        """
        if self._is_superseded:
            raise Superseded
        self._progress = (rows, total)

    def _run(self) -> None:
        while not self._is_over.wait(BEAT_SECONDS):
            self._beat()

    def _beat(self) -> None:
        rows, total = self._progress
        try:
            is_latest = states.beat(self._generated, rows=rows, total=total, now=timezone.now())
            self._is_superseded = not is_latest
        except Exception as error:
            found = db.diagnose(error)
            if found is None:
                raise
            # The report may well be made on a connection that still works.
            logger.warning("no heartbeat of report %s: %s", self._generated.pk, found)
        finally:
            connections.close_all()
