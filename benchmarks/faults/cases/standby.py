"""
Failover: a standby is promoted. Every system is given both hosts and target_session_attrs=read-write.
"""

from contextlib import ExitStack
from pathlib import Path
from time import monotonic

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.pause import sleep
from benchmarks.rig.server import DATABASE, ROLE, Server

STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"


def prepare(primary: Server, folder: Path, stack: ExitStack) -> str:
    """Start a standby that every commit waits for; return the URL of both."""
    standby = _standby_of(primary)
    standby.copy_from(primary)
    stack.callback(standby.postgres.remove)
    _wait_for(primary, STREAMING)
    # An acknowledged row is on both: losing one would be the system's doing.
    primary.set("synchronous_standby_names", "'*'")
    hosts = f"{primary.postgres.socket_dir},{standby.postgres.socket_dir}"
    return f"postgresql://{ROLE}@/{DATABASE}?host={hosts}&target_session_attrs=read-write"


def promotion(scene: Scene) -> None:
    standby = _standby_of(scene.server)
    scene.start_writers()
    with scene.outage():
        scene.server.postgres.stop("immediate")
        standby.ask("SELECT pg_promote()")
    scene.server = standby


def demotion(scene: Scene) -> None:
    standby = _standby_of(scene.server)
    scene.start_writers()
    with scene.outage():
        scene.server.set("default_transaction_read_only", "on")
        sleep(0.5)  # the last transactions that could write are over
        standby.ask("SELECT pg_promote()")
    scene.server = standby


def _standby_of(primary: Server) -> Server:
    data_dir = primary.postgres.data_dir
    return Server(data_dir.with_name(f"{data_dir.name}-standby"), {})


def _wait_for(server: Server, statement: str, timeout_seconds: float = 10.0) -> None:
    deadline = monotonic() + timeout_seconds
    while server.ask(statement) != ["1"]:
        if monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_seconds} s: {statement}")
        sleep(0.05)


FAULTS = (
    Fault(
        name="promotion",
        title="The primary is lost, the standby is promoted",
        story="The primary stops at once and stays away; the standby is promoted under load.",
        inflict=promotion,
        prepare=prepare,
    ),
    Fault(
        name="demotion",
        title="The primary becomes read-only, the standby is promoted",
        story="As in a managed failover, connections survive on a server that now refuses writes (25006): a "
        "ping succeeds there, a write never will.",
        inflict=demotion,
        prepare=prepare,
    ),
)
