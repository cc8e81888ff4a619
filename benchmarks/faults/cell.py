"""
One cell of the matrix, alone in this process: `python -m benchmarks.faults.cell --fault F --system S`.

It prints LINGERS when all that is left is to count its connections once more a minute later, then one line of
JSON, and ends at once, whatever threads still hang in the system's hands.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

from benchmarks.faults import faketime
from benchmarks.faults.catalogue import FAULTS
from benchmarks.faults.fault import Fault
from benchmarks.faults.result import (
    LATER_SECONDS,
    LINGERS,
    Result,
    count_requests,
    count_rows,
    draw_timeline,
    time_recovery,
)
from benchmarks.faults.scene import Scene
from benchmarks.faults.slots import hold_at_once
from benchmarks.rig import yardstick
from benchmarks.rig.ledger import Ledger
from benchmarks.rig.pause import sleep
from benchmarks.rig.server import copy_server
from benchmarks.rig.sockets import SocketCount
from benchmarks.rig.warm import warm
from benchmarks.rig.wire import Wire
from benchmarks.rig.workload import Writers
from benchmarks.systems import make_system
from benchmarks.systems.contract import POOL_BOUND

# The longest wait of any pool is 30 s: a writer in line is given that and a little more.
STOP_TIMEOUT_SECONDS = 33.0
SLOTS_TIMEOUT_SECONDS = 8.0


def run(fault: Fault, system_name: str, folder: Path, later_seconds: float, limit_seconds: float) -> Result:
    """Inflict `fault` on the system and measure; say so when only the last counts are left."""
    with stage(fault, system_name, folder) as scene:
        warm(scene.system, fault.warm)
        began_at = scene.broken_at = scene.returned_at = monotonic()
        fault.inflict(scene)
        if scene.writers is None:
            scene.start_writers()
        scene.settle(min(fault.limit_seconds, limit_seconds))
        result = measure(fault, scene, began_at)
        print(LINGERS, flush=True)
        linger(result, scene, later_seconds)
        return result


@contextmanager
def stage(fault: Fault, system_name: str, folder: Path) -> Iterator[Scene]:
    """Start a server, a wire where the fault wants one, and the system."""
    with ExitStack() as stack:
        server = copy_server(folder, f"{fault.name}-{system_name}", fault.parameters)
        stack.callback(server.postgres.remove)
        wire = stack.enter_context(Wire(server.socket)) if fault.over_wire else None
        url = fault.prepare(server, folder, stack) if fault.prepare else wire.url if wire else server.url
        facts = yardstick.measure(server) if fault.needs_quiet else {}
        sockets = stack.enter_context(SocketCount())
        system, ledger = make_system(system_name, url), Ledger()
        make_writers = lambda: Writers(system, ledger, fault.writers, fault.request)
        yield Scene(
            system_name, system, server, ledger, sockets, make_writers, fault.request, wire=wire, facts=facts
        )


def measure(fault: Fault, scene: Scene, began_at: float) -> Result:
    """Stop the writers and read what they saw."""
    assert scene.writers is not None
    result = Result(fault.name, scene.system_name, facts=scene.facts)
    scene.writers.stop(STOP_TIMEOUT_SECONDS)
    scene.ledger.give_up()
    attempts = list(scene.ledger.attempts)
    count_requests(result, attempts, scene.returned_at)
    time_recovery(result, attempts, scene.returned_at, scene.writers.numbers)
    draw_timeline(result, attempts, began_at)
    return result


def linger(result: Result, scene: Scene, later_seconds: float) -> None:
    """Leave the system alone for so long; then count connections, and what cannot be counted before."""
    with scene.sockets.resting():
        sleep(later_seconds)
    result.later_seconds = later_seconds
    result.connections_later = scene.sockets.now()
    result.slots_lost = POOL_BOUND - hold_at_once(scene.system, SLOTS_TIMEOUT_SECONDS)
    result.connections_peak = scene.sockets.peak
    count_rows(result, scene.ledger.acknowledged, scene.server.rows())


def main() -> None:
    """Run the cell that the arguments name."""
    arguments = _arguments()
    # What the libraries log during an outage is not the result; a slow terminal would disturb it.
    logging.disable(logging.CRITICAL)
    # The server has the true time, whatever clock this process was given.
    os.environ.pop("LD_PRELOAD", None)
    faketime.mend_sleep()
    fault = FAULTS[arguments.fault]
    try:
        result = run(fault, arguments.system, arguments.folder, arguments.later, arguments.limit)
    except Exception:
        result = Result(fault.name, arguments.system, crashed=traceback.format_exc(limit=-3))
    print(json.dumps(result.as_json()))
    sys.stdout.flush()
    # Not sys.exit(): a hanging pool must not keep its process.
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fault", choices=FAULTS, required=True)
    parser.add_argument("--system", required=True)
    parser.add_argument("--folder", type=Path, help="holds the template of the servers' data")
    parser.add_argument(
        "--later", type=float, default=LATER_SECONDS, help="seconds until connections are counted again"
    )
    parser.add_argument("--limit", type=float, default=1000.0, help="wait no longer for full service")
    arguments = parser.parse_args()
    arguments.folder = arguments.folder or Path(tempfile.mkdtemp(prefix="turnstile-faults-"))
    return arguments


if __name__ == "__main__":
    main()
