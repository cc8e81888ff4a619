"""
The server answers late, connects slowly, or has no more connections to give.
"""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import Scene
from benchmarks.rig.ledger import Attempt
from benchmarks.rig.pause import sleep
from benchmarks.rig.threads import crowd
from benchmarks.rig.workload import Request
from benchmarks.systems.contract import POOL_SIZE

FREEZE_SECONDS = 5.0
SPIKE_THREADS = 50
MEMBERS = 3  # besides this process
FLEET_SECONDS = 8.0


def freeze(scene: Scene) -> None:
    scene.start_writers()
    with scene.outage():
        scene.server.signal(signal.SIGSTOP)
        sleep(FREEZE_SECONDS)
        scene.server.signal(signal.SIGCONT)


def slow_connect(scene: Scene) -> None:
    scene.wire_now().tell("connect_delay 0.15")
    with scene.outage():
        crowd(SPIKE_THREADS, lambda number: _request_once(scene, 100 + number), timeout_seconds=40.0)
    scene.facts["peak_of_the_spike"] = scene.sockets.peak
    sleep(0.5)  # connects that nobody waits for any more come to their end
    scene.facts["open_after_the_spike"] = scene.sockets.now()
    scene.wire_now().tell("connect_delay 0")


def _request_once(scene: Scene, writer: int) -> None:
    scene.ledger.call(writer, lambda: scene.request.run(scene.system, writer, 0), (writer, 0))


def fleet(scene: Scene) -> None:
    with scene.outage():
        members = [_start_member(scene, number + 1) for number in range(MEMBERS)]
        scene.start_writers()
        sleep(FLEET_SECONDS / 2)
        used = scene.server.ask("SELECT count(*) FROM pg_stat_activity WHERE usename = 'writer'")
        scene.facts["connections_of_the_fleet"] = int(used[0])
        # All at once: one whose report nobody reads keeps its connections, and the others wait for them.
        with ThreadPoolExecutor(MEMBERS) as readers:
            for report in readers.map(_report_of, members):
                _add_up(scene, report)


def _start_member(scene: Scene, number: int) -> subprocess.Popen[str]:
    who = ["--system", scene.system_name, "--url", scene.server.url, "--first", str(number * 1000)]
    command = [sys.executable, "-m", "benchmarks.faults.member", *who, "--seconds", str(FLEET_SECONDS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _report_of(member: subprocess.Popen[str]) -> dict[str, Any]:
    answer, _ = member.communicate(timeout=90.0)
    report: dict[str, Any] = json.loads(answer)
    return report


def _add_up(scene: Scene, report: dict[str, Any]) -> None:
    scene.ledger.attempts.extend(Attempt(**attempt) for attempt in report["attempts"])
    scene.ledger.acknowledged.extend((writer, number) for writer, number in report["acknowledged"])


FAULTS = (
    Fault(
        name="freeze",
        title="The server frozen for 5 s",
        story="SIGSTOP to every process of the server under load, SIGCONT after 5 s. No request need fail.",
        inflict=freeze,
        inflict_seconds=7.0,
    ),
    Fault(
        name="slow_connect",
        title="A spike of 50 threads while a connect takes 150 ms",
        story="Five connections are open; 50 threads ask at once, each for 2 ms. The five could serve them "
        "all before the first new connection is there. How many are open at the end?",
        inflict=slow_connect,
        warm=POOL_SIZE,
        request=Request(hold_seconds=0.002),
        over_wire=True,
        needs_quiet=True,
    ),
    Fault(
        name="fleet",
        title="Four processes that may open 60 connections on a server with 17",
        story="max_connections is 20, of which 3 are reserved. Four processes with 15 writers each ask for "
        "more than there is, for 8 s. Nobody need fail: there is always somebody who returns one.",
        inflict=fleet,
        warm=0,
        writers=15,
        request=Request(hold_seconds=0.03),
        inflict_seconds=45.0,
        parameters={"max_connections": "20"},
    ),
)
