"""
Requests that use two libraries at once, and statements that talk too much.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.ledger import Attempt, Row
from benchmarks.rig.pause import sleep
from benchmarks.rig.threads import crowd
from benchmarks.rig.workload import INSERT, Request
from benchmarks.systems.contract import Execute

FLOOD_SECONDS = 6.0
FLOOD = """
    DO $$ BEGIN
        FOR turn IN 1..300 LOOP RAISE NOTICE USING MESSAGE = repeat('x', 80); END LOOP;
    END $$
"""
BLOCKS_AT_ONCE = 60
BLOCKS = 4
ROWS = 3
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


class Undone(Exception):
    """Ends a block that must leave nothing behind."""


def sessions_and_writers(scene: Scene) -> None:
    """Blocks with a session in them against plain ones; every second block is undone at its end."""
    expected: Counter[Row] = Counter()
    with scene.outage():
        crowd(2 * BLOCKS_AT_ONCE, lambda number: _run_blocks(scene, number, expected), 100.0)
    found = Counter(row for row in scene.server.rows() if row[0] >= _FIRST)
    scene.facts["rows_expected"] = expected.total()
    scene.facts["rows_found"] = found.total()
    scene.facts["blocks_with_other_rows_than_expected"] = len(
        {(writer, number // ROWS) for writer, number in (expected - found) + (found - expected)}
    )


def _run_blocks(scene: Scene, number: int, expected: "Counter[Row]") -> None:
    # The first half with a session inside, the others without; the ORM's side of Turnstile (even) in both.
    writer, block = _FIRST + 2 * number, _with_session if number < BLOCKS_AT_ONCE else _without_session
    for turn in range(BLOCKS):
        rows = [(writer, turn * ROWS + row) for row in range(ROWS)]
        is_undone = turn % 2 == 1
        with scene.ledger.attempt(writer, *([] if is_undone else rows)):
            with suppress(Undone), scene.system.transaction(writer) as execute:
                block(scene, execute, rows)
                if is_undone:
                    raise Undone
            if not is_undone:
                expected.update(rows)


def _with_session(scene: Scene, execute: Execute, rows: Sequence[Row]) -> None:
    execute(INSERT, rows[0])
    with scene.system.second(independent=False) as session:
        session("SELECT count(*) FROM written")
    with scene.system.second(independent=False) as session:
        session(INSERT, rows[1])
    execute(INSERT, rows[2])


def _without_session(_: Scene, execute: Execute, rows: Sequence[Row]) -> None:
    for row in rows:
        execute(INSERT, row)


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
        name="sessions_and_writers",
        title="60 sessions in blocks of the ORM, against 60 ORM writers",
        story="120 threads, four blocks each, three rows in each block. In one half a SQLAlchemy session "
        "reads, and another one writes the second of the three rows. Every second block raises at its end. "
        "Of a block that ended well three rows are expected, of the others none.",
        inflict=sessions_and_writers,
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
