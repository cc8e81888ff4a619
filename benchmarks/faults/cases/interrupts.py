"""
Exceptions that a signal raises in the middle of a request: Celery's soft time limit, Ctrl-C.
"""

import random
import signal
import statistics
from itertools import count
from time import monotonic

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.ledger import Attempt, name_of
from benchmarks.systems import django_requests

STORM_SECONDS = 12.0
UNDISTURBED = 50
_WRITER = 300


class Interrupted(BaseException):
    """What the handler raises; no library expects it, and none may swallow it."""


class Interrupter:
    """Raises `Interrupted` in this, the main, thread: once, at a moment of the request that is armed."""

    def __init__(self) -> None:
        self.count = 0
        self._is_armed = False
        self._random = random.Random(1)

    def arm(self, within_seconds: float) -> None:
        """Interrupt what comes next, at a random moment."""
        self._is_armed = True
        signal.setitimer(signal.ITIMER_REAL, max(1e-6, self._random.uniform(0.0, within_seconds)))

    def disarm(self) -> bool:
        """Let an alarm that is still to come do nothing; return whether it came."""
        is_to_come, self._is_armed = self._is_armed, False
        return not is_to_come

    def handle(self, *_: object) -> None:
        """Stand as the signal's handler."""
        if self._is_armed:
            self._is_armed = False
            self.count += 1
            raise Interrupted


def storm(scene: Scene) -> None:
    """One request after the other in this thread, each interrupted at a random moment, or just not."""
    interrupter = Interrupter()
    before = signal.signal(signal.SIGALRM, interrupter.handle)
    numbers = count()
    for _ in range(UNDISTURBED):
        _write(scene, next(numbers))
    usual = statistics.median(attempt.seconds for attempt in scene.ledger.attempts)
    with scene.outage():
        ends_at = monotonic() + STORM_SECONDS
        while monotonic() < ends_at:
            try:
                _write_interrupted(scene, next(numbers), interrupter, 1.5 * usual)
            except Interrupted:
                # Not a failure of the system's.
                django_requests.start_afresh()
    signal.signal(signal.SIGALRM, before)
    scene.facts["interrupts"] = interrupter.count


def _write(scene: Scene, number: int) -> None:
    # In turn through both sides of Turnstile.
    writer = _WRITER + number % 2
    scene.ledger.call(writer, lambda: scene.request.run(scene.system, writer, number), (writer, number))


def _write_interrupted(scene: Scene, number: int, interrupter: Interrupter, within_seconds: float) -> None:
    writer, started, error = _WRITER + number % 2, monotonic(), ""
    try:
        interrupter.arm(within_seconds)
        scene.request.run(scene.system, writer, number)
        interrupter.disarm()
    except Exception as caught:
        if interrupter.disarm():
            # What became of it on its way through the library.
            raise Interrupted from None
        error = name_of(caught)
    scene.ledger.attempts.append(Attempt(writer, started, monotonic() - started, error))
    if not error:
        scene.ledger.acknowledged.append((writer, number))


FAULTS = (
    Fault(
        name="interrupts",
        title="A storm of exceptions from a signal",
        story="For 12 s a timer raises an exception in one request after the other, at a random moment of "
        "it: in the library, in the pool, on the wire. Then the writers start. What was borrowed must come "
        "back: no slot may be lost.",
        inflict=storm,
        needs_quiet=True,
        inflict_seconds=13.0,
    ),
)
