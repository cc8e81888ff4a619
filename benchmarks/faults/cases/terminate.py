"""
An administrator, or a timeout, ends backends: idle, at work, in a transaction.
"""

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.pause import sleep
from benchmarks.rig.threads import Worker
from benchmarks.rig.workload import INSERT
from benchmarks.systems.contract import POOL_SIZE

ROUNDS = 3
_FIRST_VICTIM = 100


def terminate_idle(scene: Scene) -> None:
    with scene.outage():
        scene.server.terminate()
    scene.start_writers()


def terminate_active(scene: Scene) -> None:
    scene.start_writers()
    for turn in range(ROUNDS):
        _start_victims(scene, turn, "SELECT pg_sleep(20)")
        with scene.outage():
            scene.server.terminate("wait_event = 'PgSleep'")


def terminate_in_transaction(scene: Scene) -> None:
    scene.start_writers()
    for turn in range(ROUNDS):
        _start_victims(scene, turn, "SELECT 1", hold_seconds=1.5)
        with scene.outage():
            # Writers' transactions are over in a moment; the victims' are a second old.
            scene.server.terminate(
                "state = 'idle in transaction' AND state_change < now() - interval '0.3 s'"
            )
        sleep(1.5)


def _start_victims(scene: Scene, turn: int, statement: str, hold_seconds: float = 0.0) -> None:
    for index in range(POOL_SIZE):
        Worker(_be_victim, scene, _FIRST_VICTIM + turn * POOL_SIZE + index, statement, hold_seconds).start()
    sleep(0.8)


def _be_victim(scene: Scene, writer: int, statement: str, hold_seconds: float) -> None:
    with scene.ledger.attempt(writer, (writer, 0)), scene.system.transaction(writer) as execute:
        execute(INSERT, (writer, 0))
        execute(statement)
        sleep(hold_seconds)


FAULTS = (
    Fault(
        name="terminate_idle",
        title="pg_terminate_backend of idle connections",
        story="15 idle connections are ended; then the writers start. No request need fail.",
        inflict=terminate_idle,
        is_quick=True,
    ),
    Fault(
        name="terminate_active",
        title="pg_terminate_backend of backends at work",
        story="Three times, five requests are ended in the middle of a statement. Those 15 fail, no other "
        "need.",
        inflict=terminate_active,
        is_quick=True,
    ),
    Fault(
        name="terminate_in_transaction",
        title="pg_terminate_backend of backends in a transaction",
        story="Three times, five requests are ended while their transaction is open, between two statements. "
        "Those 15 fail, no other need; each connection breaks while it is lent.",
        inflict=terminate_in_transaction,
        is_quick=True,
    ),
)
