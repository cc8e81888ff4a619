"""
What happens inside the process: a fork, a thread that dies, a clock that jumps.
"""

import os
import signal
from time import monotonic

from benchmarks.faults import faketime
from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.ledger import Attempt, Ledger
from benchmarks.rig.pause import sleep
from benchmarks.rig.threads import Worker, crowd, join
from benchmarks.rig.workload import Request
from benchmarks.systems.contract import POOL_BOUND

CHILDREN = 2
REQUESTS_OF_A_CHILD = 20
CHILD_SECONDS = 40
_FIRST_CHILD = 500
# Each packet of the first connect takes so long; a child is forked at each of these moments of it.
SLOW_WIRE_SECONDS = 0.3
MOMENTS = (0.3, 1.2, 2.1)
FIRST_BORROWERS = 4


def fork(scene: Scene) -> None:
    with scene.outage():
        children = [_start_child(scene, _FIRST_CHILD + number) for number in range(CHILDREN)]
    scene.start_writers()
    for child in children:
        _add_up(scene, *child)


def fork_in_first_connect(scene: Scene) -> None:
    """Fork while the first connection is being opened, and while the library asks it who the server is."""
    first = [Worker(_write_one, scene, _FIRST_CHILD - 1 - number) for number in range(FIRST_BORROWERS)]
    scene.wire_now().tell(f"delay {SLOW_WIRE_SECONDS}")
    for thread in first:
        thread.start()
    children, began = [], monotonic()
    with scene.outage():
        for number, moment in enumerate(MOMENTS):
            sleep(max(0.0, began + moment - monotonic()))
            children.append(_start_child(scene, _FIRST_CHILD + number))
        scene.wire_now().tell("delay 0")
    scene.start_writers()
    join(first, CHILD_SECONDS)
    for child in children:
        _add_up(scene, *child)


def _write_one(scene: Scene, writer: int) -> None:
    scene.ledger.call(writer, lambda: scene.request.run(scene.system, writer, 0), (writer, 0))


def _start_child(scene: Scene, writer: int) -> tuple[int, int, int]:
    """Fork; return the child's writer, its process id, and where its report is read."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_child(scene, writer, writing)
    os.close(writing)
    return writer, pid, reading


def _be_child(scene: Scene, writer: int, writing: int) -> None:
    # A child that hangs is ended by its alarm.
    signal.alarm(CHILD_SECONDS)
    ledger = Ledger()
    try:
        for number in range(REQUESTS_OF_A_CHILD):
            work = lambda n=number: scene.request.run(scene.system, writer, n)
            ledger.call(writer, work, (writer, number))
            last = ledger.attempts[-1]
            os.write(writing, f"{last.started_at} {last.seconds} {last.error or '-'}\n".encode())
    finally:
        os._exit(0)


def _add_up(scene: Scene, writer: int, pid: int, reading: int) -> None:
    with os.fdopen(reading) as pipe:
        lines = pipe.read().splitlines()
    os.waitpid(pid, 0)
    for number, line in enumerate(lines):
        started, seconds, error = line.split()
        attempt = Attempt(writer, float(started), float(seconds), "" if error == "-" else error)
        scene.ledger.attempts.append(attempt)
        if not attempt.error:
            scene.ledger.acknowledged.append((writer, number))
    if len(lines) < REQUESTS_OF_A_CHILD:
        hung = Attempt(writer, monotonic() - CHILD_SECONDS, CHILD_SECONDS, "hangs")
        scene.ledger.attempts.append(hung)


def thread_dies(scene: Scene) -> None:
    with scene.outage():
        crowd(POOL_BOUND, lambda _: scene.system.take_and_forget(), timeout_seconds=20.0)
    scene.start_writers()


def clock_step(scene: Scene) -> None:
    scene.start_writers()
    with scene.outage():
        for offset in (3600, -3600, 0):
            faketime.step(offset)
            sleep(2.0)


FAULTS = (
    Fault(
        name="fork",
        title="Fork with the pool in use",
        story="The process forks twice while 15 connections are idle; parent and children write at once, "
        "20 requests in each child. No request need fail, in either.",
        inflict=fork,
        inflict_seconds=10.0,
    ),
    Fault(
        name="fork_in_first_connect",
        title="Fork in the first connect",
        story="Four threads need the first connection; each packet takes 300 ms. The process forks three "
        "times meanwhile: as the connection is opened, and as the library asks the server its first "
        "questions. Parent and children write, 20 requests in each child. No request need fail, in any.",
        inflict=fork_in_first_connect,
        warm=0,
        inflict_seconds=12.0,
        over_wire=True,
    ),
    Fault(
        name="thread_dies",
        title="15 threads die with a connection",
        story="15 threads borrow, open a transaction and end without giving anything back. Then the writers "
        "start.",
        inflict=thread_dies,
    ),
    Fault(
        name="clock_step",
        title="The wall clock steps by an hour",
        story="Under 25 writers, so that some wait in line: one hour forward, two back, one forward "
        "(libfaketime). No request need fail.",
        inflict=clock_step,
        writers=25,
        request=Request(hold_seconds=0.02),
        inflict_seconds=8.0,
        faketime=True,
    ),
)
