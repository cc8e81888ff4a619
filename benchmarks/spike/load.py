"""
So many clients, each with one connection that it keeps, as fast as they are answered.

wrk sends (Debian: apt-get install wrk); without it `analytics.spike`, which takes more of the processors.
"""

import json
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.spike.service import EVENT, KEYS

SCRIPT = Path(__file__).with_name("wrk.lua")
PATIENCE_SECONDS = 5
# Files of wrk: its connections, and a few more.
OPEN_FILES = 4096


@dataclass(frozen=True)
class Load:
    """
    What the clients saw.

    Attributes:
        good: answers with status 200.
        failed: other answers, and none within PATIENCE_SECONDS.
        seconds: that it took.
        p50, p99: milliseconds until an answer.
    """

    good: int
    failed: int
    seconds: float
    p50: float
    p99: float


def write_tickets(path: Path, count: int) -> None:
    """Write the bodies of so many validations, a line each."""
    nowhere = "postgres://nobody@127.0.0.1:9/nothing"
    os.environ.update(KEYS, DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=nowhere)
    from analytics import qr

    with path.open("w") as file:
        for number in range(count):
            token = qr.sign({"ticket_id": f"T-{number}", "event": EVENT, "user": "guest"})
            file.write(json.dumps({"qr_text": token}) + "\n")


def send(port: int, clients: int, seconds: float, *, tickets: Path, first: int) -> Load:
    """Send validations of these tickets, from the one with this number on."""
    if shutil.which("wrk") is None:
        return _without_wrk(port, clients, seconds)
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", f"--timeout={PATIENCE_SECONDS}s"]
    done = subprocess.run(
        [*command, "-s", str(SCRIPT), f"http://127.0.0.1:{port}"],
        env={**os.environ, **KEYS, "SCANS": str(tickets), "SCANS_FROM": str(first)},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_open_files,
    )
    [line] = [line for line in done.stdout.splitlines() if line.startswith("result ")]
    good, refused, lost, took, p50, p99 = map(float, line.split()[1:])
    return Load(int(good), int(refused + lost), took, p50, p99)


def _without_wrk(port: int, clients: int, seconds: float) -> Load:
    from analytics.spike.clients import send

    url, key = f"http://127.0.0.1:{port}", KEYS["SERVICE_API_KEY"]
    tally = send(url=url, service_key=key, clients=clients, seconds=seconds, is_mixed=False)
    return Load(
        good=tally.outcomes.total(),
        failed=tally.faults.total(),
        seconds=seconds,
        p50=tally.percentile(50),
        p99=tally.percentile(99),
    )


def _open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))
