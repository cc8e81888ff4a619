"""
Requests that use two libraries at once, and statements that talk too much.
"""

import statistics
from collections.abc import Callable, Sequence
from time import monotonic

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.ledger import Attempt
from benchmarks.rig.pause import sleep
from benchmarks.rig.threads import crowd
from benchmarks.rig.workload import INSERT, Request

FLOOD_SECONDS = 6.0
FLOOD = """
    DO $$ BEGIN
        FOR turn IN 1..300 LOOP RAISE NOTICE USING MESSAGE = repeat('x', 80); END LOOP;
    END $$
"""
# Even: Turnstile's ORM side. Away from the writers' numbers.
_FIRST = 200


def borrow_twice(threads: int, *, independent: bool) -> Callable[[Scene], None]:
    """Return the fault: so many requests at once, each with a second borrower inside its transaction."""

    def inflict(scene: Scene) -> None:
        with scene.outage():
            crowd(threads, lambda number: _nested(scene, _FIRST + 2 * number, independent), 100.0)
        scene.facts["all_answered_seconds"] = scene.returned_at - scene.broken_at

    return inflict


def _nested(scene: Scene, writer: int, independent: bool) -> None:
    system = scene.system
    with scene.ledger.attempt(writer, (writer, 0), (writer, 1)), system.transaction(writer) as first:
        first(INSERT, (writer, 0))
        sleep(0.2)
        with system.second(independent=independent) as second:
            second(INSERT, (writer, 1))


def flood(scene: Scene) -> None:
    scene.start_writers(steady=False)
    with scene.outage():
        sleep(FLOOD_SECONDS)
    attempts = [attempt for attempt in scene.ledger.attempts if not attempt.error]
    middle = monotonic() - FLOOD_SECONDS / 2
    scene.facts["median_seconds_first_half"] = _median([a for a in attempts if a.ended_at < middle])
    scene.facts["median_seconds_second_half"] = _median([a for a in attempts if a.ended_at >= middle])


def _median(attempts: Sequence[Attempt]) -> float | None:
    return statistics.median(attempt.seconds for attempt in attempts) if attempts else None


def _twice(threads: int) -> Fault:
    return Fault(
        name=f"two_borrowers_{threads}",
        title=f"Two borrowers in one request, {threads} threads",
        story="Each request holds a transaction of the ORM and needs a second, independent connection inside "
        "it. When every connection is held by somebody who waits for a second, nobody can go on.",
        inflict=borrow_twice(threads, independent=True),
        inflict_seconds=65.0,
    )


FAULTS = (
    *map(_twice, (15, 20, 60)),
    Fault(
        name="both_libraries",
        title="Both libraries in one transaction, 60 threads",
        story="The ordinary case: SQLAlchemy code runs inside an atomic block of the ORM and need not commit "
        "on its own. Turnstile joins the transaction; the others need a second connection.",
        inflict=borrow_twice(60, independent=False),
        inflict_seconds=65.0,
    ),
    Fault(
        name="notices",
        title="A flood of notices",
        story="Every request raises 300 notices before it writes, for 6 s. No request need fail, and none "
        "should take longer at the end than at the beginning.",
        inflict=flood,
        request=Request(statement=FLOOD),
        limit_seconds=10.0,
        inflict_seconds=7.0,
    ),
)
