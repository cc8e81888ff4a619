"""
The server restarts, in order, in haste, or because it was killed.
"""

import signal

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from core.embedded import StopMode


def _restart_idle(scene: Scene, mode: StopMode) -> None:
    with scene.outage():
        scene.server.postgres.restart(mode)
    scene.first_request()
    scene.start_writers()


def restart_fast(scene: Scene) -> None:
    _restart_idle(scene, "fast")


def restart_immediate(scene: Scene) -> None:
    _restart_idle(scene, "immediate")


def restart_busy(scene: Scene) -> None:
    scene.start_writers()
    with scene.outage():
        scene.server.postgres.restart("fast")


def killed(scene: Scene) -> None:
    scene.start_writers()
    with scene.outage():
        scene.server.signal(signal.SIGKILL)
        scene.server.postgres.start()


FAULTS = (
    Fault(
        name="restart_fast",
        title="Restart, with 15 idle connections",
        story="`pg_ctl restart -m fast` while 15 connections are idle. Then one request, alone: it should "
        "succeed within twice the time of one connect. Then the writers.",
        inflict=restart_fast,
        needs_quiet=True,
        is_quick=True,
        limit_seconds=100.0,
    ),
    Fault(
        name="restart_immediate",
        title="Immediate restart, with 15 idle connections",
        story="As above with `-m immediate`: the server says no goodbye and recovers from its log.",
        inflict=restart_immediate,
        needs_quiet=True,
        limit_seconds=100.0,
    ),
    Fault(
        name="restart_busy",
        title="Restart under load",
        story="`pg_ctl restart -m fast` while the writers write. A request that is interrupted fails; one "
        "that begins afterwards need not.",
        inflict=restart_busy,
        is_quick=True,
    ),
    Fault(
        name="killed",
        title="kill -9 of the server, then start",
        story="The postmaster and its children are killed while the writers write, and started again.",
        inflict=killed,
        is_quick=True,
    ),
)
