"""
The line: facts wait here for the writer, which takes all that wait, at most BATCH, and writes them together.
"""

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from itertools import groupby
from math import inf
from time import monotonic
from typing import Any

from analytics.deadlines import Deadline, DeadlinePassed
from analytics.ids import IdReused
from analytics.recorder.statements import Execute
from core import db

logger = logging.getLogger(__name__)

# Scans of one transaction. Larger ones gain little, and make the first wait for the last.
BATCH = 256
# As many as are written in a second or two on two slow cores: who comes later could not be served in time.
LONGEST = 4096
# The same of facts for which nobody waits at a gate: who comes meanwhile does not wait long for them.
BATCH_LATER = 64
# So many batches are written before one of those, as long as somebody waits at a gate.
TURNS = 4
# The reason of an error that a lock is in the way.
BUSY = "busy"
# In milliseconds; 0 would be for ever.
AT_ONCE = "SET LOCAL lock_timeout = 20"
SOON = "SET LOCAL lock_timeout = 200"
# Longer than the server lets a batch wait and work: a writer that is not back by then has lost its server,
# and does not know it.
STUCK_SECONDS = 8.0
# How often a batch whose connection or plan was lost is written again: it may have been committed.
ATTEMPTS = 3


class LineFull(Exception):
    """
    So many scans wait that this one could not be stored in time; nothing is stored.

    If you are hitting this, more scans arrive than the database takes: look at /health/db.
    """


class ConnectionLost(Exception):
    """The connection ended while a batch was written: nobody knows yet whether it is stored."""


# Stores facts of one kind in the transaction of `execute`, without a commit; returns an answer for each.
# Where one is IdReused, the transaction is undone.
Write = Callable[[Execute, list[Any]], Sequence[Any]]


class Waiting:
    """A fact in the line, and who waits for it: a thread, or a future of an event loop."""

    __slots__ = ("deadline", "fact", "future", "is_kept", "is_patient", "loop")

    def __init__(
        self,
        fact: Any,
        deadline: Deadline | None,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        is_patient: bool = False,
    ) -> None:
        self.fact = fact
        # Nobody waits for it at a gate.
        self.is_patient = is_patient
        self.deadline = deadline
        self.loop = loop
        self.future: Any = Future() if loop is None else loop.create_future()
        # Its caller is told what was stored, however long that takes to find out.
        self.is_kept = False

    def is_late(self) -> bool:
        """Tell whether its caller was told, or is about to be, that nothing was stored."""
        return self.deadline is not None and not self.is_kept and self.deadline.seconds_left <= 0

    def keep(self) -> bool:
        """Decide to store it, once; return False where its caller has given up."""
        if self.is_kept or self.deadline is None:
            return True
        try:
            self.deadline.keep()
        except DeadlinePassed:
            return False
        self.is_kept = True
        return True


Answers = list[tuple[Waiting, Any]]


class Recorder:
    """
    The one writer of this process for one kind of fact, and the line before it. It starts with the first one.

    A fact that gets stuck in the database holds up its own kind only: a transfer no scan.

    Attributes:
        write: what stores the facts.
        kind: of the facts, for logs.
    """

    def __init__(self, write: Write, kind: str = "facts") -> None:
        self.write, self.kind = write, kind
        self._begin_anew()
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        # A forked child has neither the thread nor those who wait.
        self._condition = threading.Condition()
        self._line: deque[Waiting] = deque()
        self._later: deque[Waiting] = deque()
        # Batches of `_line` since the last one of `_later`.
        self._turns = 0
        self._thread: threading.Thread | None = None
        self._busy_since = inf

    def submit(
        self, fact: Any, deadline: Deadline | None = None, *, loop: asyncio.AbstractEventLoop | None = None
    ) -> Any:
        """
        Put a fact in the line.

        Returns:
            A future of its answer: of `loop`, or one that a thread waits for.

        Raises:
            LineFull: LONGEST wait already.
        """
        waiting = Waiting(fact, deadline, loop)
        with self._condition:
            if len(self._line) >= LONGEST:
                raise LineFull
            self._line.append(waiting)
            self._wake_writer()
        return waiting.future

    def submit_later(self, facts: Iterable[tuple[Any, Deadline]]) -> list["Future[Any]"]:
        """
        Put facts, each with its deadline, behind those for which somebody waits at a gate.

        Returns:
            A future of each one's answer, that a thread waits for.

        Raises:
            LineFull: with them more than LONGEST would wait there; none of them does.
        """
        some = [Waiting(fact, deadline, is_patient=True) for fact, deadline in facts]
        with self._condition:
            if len(self._later) + len(some) > LONGEST:
                raise LineFull
            self._later += some
            self._wake_writer()
        return [waiting.future for waiting in some]

    def _wake_writer(self) -> None:
        if self._thread is None or self._is_stuck():
            self._busy_since = inf
            self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
            self._thread.start()
        self._condition.notify()

    def _is_stuck(self) -> bool:
        if monotonic() - self._busy_since < STUCK_SECONDS:
            return False
        logger.error(
            "the writer of %s has not come back for %.0f s: another one starts", self.kind, STUCK_SECONDS
        )
        return True

    def _next(self) -> list[Waiting]:
        """Return the next batch; nothing when another writer has taken over."""
        me = threading.current_thread()
        with self._condition:
            if self._thread is not me:
                return []
            self._busy_since = inf
            # It is not replaced meanwhile: only a busy one is.
            while not (self._line or self._later):
                self._condition.wait()
            self._busy_since = monotonic()
            return self._take()

    def _take(self) -> list[Waiting]:
        """Return what is written together next: of one lane, so that a lock in its way holds up no other."""
        self._turns += 1
        line, most = self._line, BATCH
        if self._later and (not line or self._turns > TURNS):
            self._turns = 0
            line, most = self._later, BATCH_LATER
        return [line.popleft() for _ in range(min(most, len(line)))]

    def _run(self) -> None:
        while batch := self._next():
            answers: Answers = []
            try:
                db.run_as("gate", _settle, self.write, batch, answers)
            except BaseException:
                # It goes on: without it no scan is stored any more.
                logger.exception("the writer of %s was interrupted", self.kind)
            finally:
                # Whatever happened: nobody waits for an answer that does not come.
                known = {id(waiting) for waiting, _ in answers}
                lost = RuntimeError(f"the writer of {self.kind} was interrupted")
                answers += [(waiting, lost) for waiting in batch if id(waiting) not in known]
                _tell(answers)


def _settle(write: Write, batch: Sequence[Waiting], answers: Answers) -> None:
    """Write a batch, and add an answer for each to `answers`; one that Postgres refuses fails alone."""
    failures = 0
    while batch := _in_time(batch, answers):
        try:
            # Somebody at a gate may come meanwhile, and a lock would hold them up.
            patience = SOON if all(waiting.is_patient for waiting in batch) else None
            batch = _write(write, batch, answers, patience=patience)
        except Exception as raised:  # noqa: BLE001 - whoever waits gets it
            error, found = _cause(raised), db.diagnose(raised)
            is_lost = isinstance(raised, ConnectionLost) or db.has_lost_plan(raised)
            if is_lost and (failures := failures + 1) < ATTEMPTS:
                # It may have been committed: with their ids, the same scans are told what is stored.
                continue
            if found is None and len(batch) > 1:
                for half in _halves(batch):
                    _settle(write, half, answers)
            elif found is not None and found.reason == BUSY:
                _isolate(write, batch, answers, error)
            else:
                answers += [(waiting, error) for waiting in batch]
            return


def _isolate(write: Write, batch: Sequence[Waiting], answers: Answers, error: BaseException) -> None:
    """
    Find the scan whose row somebody holds: it alone gets `error`, which says so.

    Where both halves of what is left find a lock, a table is locked, or many rows are: all of them get it.
    """
    while len(batch) > 1:
        stuck = [half for half in _halves(batch) if not _is_stored_at_once(write, half, answers)]
        batch = [waiting for half in stuck for waiting in half]
        if len(stuck) != 1:
            break
    answers += [(waiting, error) for waiting in _untold(batch, answers)]


def _is_stored_at_once(write: Write, batch: Sequence[Waiting], answers: Answers) -> bool:
    """Write a batch without waiting for a lock; return False where one is in the way."""
    try:
        while batch := _in_time(batch, answers):
            batch = _write(write, batch, answers, patience=AT_ONCE)
    except Exception as error:  # noqa: BLE001 - whoever waits gets it
        found = db.diagnose(error)
        if found is not None and found.reason == BUSY:
            return False
        answers += [(waiting, _cause(error)) for waiting in batch]
    return True


def _cause(error: BaseException) -> BaseException:
    return error.__cause__ or error if isinstance(error, ConnectionLost) else error


def _halves(batch: Sequence[Waiting]) -> tuple[Sequence[Waiting], Sequence[Waiting]]:
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]


def _in_time(batch: Sequence[Waiting], answers: Answers) -> list[Waiting]:
    answers += [(waiting, DeadlinePassed()) for waiting in batch if waiting.is_late()]
    return _untold(batch, answers)


def _untold(batch: Sequence[Waiting], answers: Answers) -> list[Waiting]:
    told = {id(waiting) for waiting, _ in answers}
    return [waiting for waiting in batch if id(waiting) not in told]


def _write(
    write: Write, batch: list[Waiting], answers: Answers, *, patience: str | None = None
) -> list[Waiting]:
    """Store a batch; return those that are to be written again, without the others that stood in the way."""
    until = max((each.deadline.at for each in batch if each.deadline is not None), default=inf)
    # A connection that comes later is of no use to any of them.
    return db.run_until(max(until, monotonic() + 0.1), _write_now, write, batch, answers, patience=patience)


def _write_now(
    write: Write, batch: list[Waiting], answers: Answers, *, patience: str | None
) -> list[Waiting]:
    with db.borrowed() as connection:
        try:
            if patience is not None:
                connection.execute(patience)
            decided = write(connection.execute_prepared, [waiting.fact for waiting in batch])
            pairs = list(zip(batch, decided, strict=True))
            in_the_way: Answers = [(waiting, each) for waiting, each in pairs if isinstance(each, IdReused)]
            if not in_the_way:
                in_the_way = [(waiting, DeadlinePassed()) for waiting in batch if not waiting.keep()]
            if in_the_way:
                connection.rollback()
                answers += in_the_way
                gone = {id(waiting) for waiting, _ in in_the_way}
                return [waiting for waiting in batch if id(waiting) not in gone]
            connection.commit()
        except Exception as error:
            if connection.closed:
                raise ConnectionLost from error
            raise
    answers += pairs
    return []


def _tell(answers: Answers) -> None:
    """Wake those who wait: threads one by one, each event loop once for all of its own."""
    by_loop = sorted(answers, key=lambda each: id(each[0].loop))
    for _, group in groupby(by_loop, key=lambda each: id(each[0].loop)):
        some = list(group)
        loop = some[0][0].loop
        if loop is None:
            _set(some)
        else:
            try:
                loop.call_soon_threadsafe(_set, some)
            except RuntimeError:
                # The loop ended: nobody waits any more.
                logger.debug("nobody waits for %d facts any more", len(some))


def _set(answers: Answers) -> None:
    for waiting, answer in answers:
        if waiting.future.done():
            continue
        if isinstance(answer, BaseException):
            waiting.future.set_exception(answer)
        else:
            waiting.future.set_result(answer)
