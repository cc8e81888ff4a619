"""
What a fault is: a name, a sentence, and a function that inflicts it on a scene.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.scene import Scene
from benchmarks.rig.server import Server
from benchmarks.rig.workload import Request
from benchmarks.systems.contract import POOL_BOUND


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    One row of the matrix.

    Attributes:
        name: how `--only` calls it.
        title: the heading of its section.
        story: what happens, and what a caller may rightly expect.
        inflict: does it; it starts the writers when it wants them.
        warm: connections that are open, and idle, before it begins.
        writers, request: the workload around it.
        limit_seconds: how long to wait for full service afterwards.
        inflict_seconds: about how long the fault itself takes, for the schedule.
        needs_quiet: it measures milliseconds: run few cells beside it.
        is_quick: part of `--quick`.
        over_wire: the system reaches the server through a relay.
        faketime: the process runs under libfaketime.
        parameters: settings of the server.
        prepare: starts further servers and returns the URL that names them all.

    """

    name: str
    title: str
    story: str
    inflict: Callable[[Scene], None]
    warm: int = POOL_BOUND
    writers: int = 10
    request: Request = field(default_factory=Request)
    limit_seconds: float = 75.0
    inflict_seconds: float = 3.0
    needs_quiet: bool = False
    is_quick: bool = False
    over_wire: bool = False
    faketime: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Server, Path, ExitStack], str] | None = None
