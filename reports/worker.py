"""
The worker: it makes queued reports one after the other, runs schedules, and repairs what dead workers left.

It holds no connection while it waits. Several may run; they share one queue.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker

from core import db
from reports.jobs import reaper, states, stopping, tasks
from reports.schedules import delivery, due

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
CHORES_EVERY = timedelta(seconds=15)


def run_until_stopped() -> None:
    """Work until this process is asked to stop; wait for a database that does not answer."""
    next_chores_at = timezone.now()
    while not stopping.is_requested():
        now = timezone.now()
        if now >= next_chores_at:
            next_chores_at = now + CHORES_EVERY
            _do_chores(now)
        if not _unless_unavailable(run_next):
            stopping.wait(POLL_SECONDS)


def _do_chores(now: datetime) -> None:
    try:
        _unless_unavailable(chores, now)
    except Exception:
        # Reports can still be made; the chores are tried again.
        logger.exception("the chores of %s stopped; the next are in %s", now, CHORES_EVERY)


def _unless_unavailable(step: Callable[..., bool], *arguments: Any) -> bool:
    """Do one step and return its connection; return False when the database was unavailable."""
    try:
        return step(*arguments)
    except Exception as error:
        found = db.diagnose(error)
        if found is None:
            raise
        logger.warning("the worker waits for the database: %s", found)
        return False
    finally:
        close_old_connections()


def chores(now: datetime) -> bool:
    """Do what is due at `now` besides making reports. A schedule that fails stops nothing else."""
    found = reaper.reap(now=now)
    if found != reaper.Reaped():
        logger.warning("repaired after dead workers: %s", found)
    due.run_due(now=now)
    delivery.deliver_due(now=now)
    return True


def run_next() -> bool:
    """Run the next task of the queue; return whether there was one."""
    worker = OneTask()
    worker.run()
    return worker.has_run


def run_queue(*, now: datetime) -> None:
    """Make every queued report in this thread, as of `now`, and return."""
    token = tasks.instant.set(now)
    try:
        while run_next():
            pass
    finally:
        tasks.instant.reset(token)


def do_what_is_due(*, now: datetime) -> None:
    """Do the chores, make every queued report, and deliver; end early when this process is asked to stop."""
    chores(now)
    while not stopping.is_requested() and run_next():
        pass
    delivery.deliver_due(now=timezone.now())


class OneTask(Worker):
    """django-tasks' worker, for one task: it takes it under SKIP LOCKED and writes down how it ended."""

    def __init__(self) -> None:
        super().__init__(
            queue_names=[tasks.QUEUE],
            interval=0,
            batch=True,
            backend_name="default",
            startup_delay=False,
            max_tasks=1,
            worker_id=states.worker_name(),
            excluded_queue_names=[],
        )

    @property
    def has_run(self) -> bool:
        """Whether there was a task."""
        return self._run_tasks > 0
