"""
The network between a system and its server, through a relay: silence, half a close, delay, cuts.
"""

from collections.abc import Callable
from threading import Timer

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.pause import sleep

SILENCE_SECONDS = 20.0


def deaf_while_idle(idle_seconds: float) -> Callable[[Scene], None]:
    """Return the fault: connections go deaf, and are first used `idle_seconds` later."""

    def inflict(scene: Scene) -> None:
        with scene.outage():
            scene.wire_now().tell("deaf")
            sleep(idle_seconds)
        # Something must end the silence, or a system without a deadline would hang here for ever.
        end = Timer(SILENCE_SECONDS, lambda: scene.wire_now().tell("cut_deaf"))
        end.daemon = True
        end.start()
        scene.start_writers()

    return inflict


def half_closed(scene: Scene) -> None:
    with scene.outage():
        scene.wire_now().tell("half")
    scene.start_writers()


def _under_load(start: str, seconds: float, end: str) -> Callable[[Scene], None]:
    def inflict(scene: Scene) -> None:
        scene.start_writers()
        with scene.outage():
            scene.wire_now().tell(start)
            sleep(seconds)
            scene.wire_now().tell(end)

    return inflict


def _deaf(idle_seconds: float) -> Fault:
    return Fault(
        name=f"deaf_idle_{idle_seconds:g}",
        title=f"Connections go deaf while idle, for {idle_seconds:g} s",
        story="A firewall forgets 15 idle connections: they stay open, and nothing comes through. New ones "
        f"are fine. {idle_seconds:g} seconds later the writers start; after 20 more the deaf ones are cut. "
        "(Turnstile asks a connection for a sign of life once it was idle for POOL_PING_AFTER, 1 s.)",
        inflict=deaf_while_idle(idle_seconds),
        inflict_seconds=idle_seconds + SILENCE_SECONDS,
        over_wire=True,
    )


FAULTS = (
    *map(_deaf, (6.0, 12.0)),
    Fault(
        name="deaf_busy",
        title="The wire goes deaf under load for 10 s",
        story="Connections in use stay open and silent for 10 s, then everything sent meanwhile arrives. "
        "New connections are fine.",
        inflict=_under_load("deaf", 10.0, "hear"),
        inflict_seconds=12.0,
        over_wire=True,
    ),
    Fault(
        name="half_closed",
        title="Half-closed idle connections",
        story="15 idle connections receive an end-of-file while their other half stays open. Then the "
        "writers start. No request need fail.",
        inflict=half_closed,
        over_wire=True,
    ),
    Fault(
        name="slow_wire",
        title="300 ms more on the wire for 8 s",
        story="Every packet takes 300 ms in each direction. No request need fail.",
        inflict=_under_load("delay 0.3", 8.0, "delay 0"),
        inflict_seconds=10.0,
        over_wire=True,
    ),
    Fault(
        name="cut",
        title="Connections cut after 4,000 bytes, for 8 s",
        story="Each connection is reset in the middle of whatever it does, again and again.",
        inflict=_under_load("limit 4000", 8.0, "limit 0"),
        inflict_seconds=10.0,
        over_wire=True,
    ),
)
