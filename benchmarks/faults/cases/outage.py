"""
The server is away for a while, and the writers keep asking.
"""

from collections.abc import Callable

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.pause import sleep


def away(seconds: float) -> Callable[[Scene], None]:
    """Return the fault: the server stops and is started `seconds` later."""

    def inflict(scene: Scene) -> None:
        scene.start_writers()
        with scene.outage():
            scene.server.postgres.stop("fast")
            sleep(seconds)
            scene.server.postgres.start()

    return inflict


def _fault(seconds: float, story: str, *, is_quick: bool = False) -> Fault:
    return Fault(
        name=f"away_{seconds:g}",
        title=f"Server away for {seconds:g} s",
        story=story,
        inflict=away(seconds),
        inflict_seconds=seconds + 2.0,
        is_quick=is_quick,
    )


FAULTS = (
    _fault(
        5,
        "Callers may wait within the pool's 30 s: nobody who waits for a connection need fail.",
        is_quick=True,
    ),
    _fault(60, "Longer than any caller waits. What counts is how soon service is back."),
    _fault(330, "Longer than psycopg_pool's reconnect_timeout of 300 s, after which it gives an attempt up."),
)
