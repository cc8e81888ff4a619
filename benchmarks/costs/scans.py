"""
Validations a second, through HTTP to the commit: the service beside the stock way, 2 workers each.

Postgres has its defaults: it waits for the disk.

wrk sends them (Debian: apt-get install wrk), as fast as each number of clients can.
"""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from benchmarks.costs.row import Row, at_least, plain
from benchmarks.rig.server import Server
from benchmarks.siege.stage import KEYS, SYSTEMS, Stage, stage, template

TITLE = "Validations a second, from the request to the commit"
CLIENTS = (64, 512)
ROUNDS = 3
SECONDS = 5
TICKETS = 200_000
SCRIPT = Path(__file__).with_name("scans.lua")


class Measured(NamedTuple):
    """One round: validations a second, the slowest hundredth in milliseconds, how many failed."""

    rate: float
    p99: float
    failed: int


def run(server: Server) -> Sequence[Row]:
    """Return the rates of both systems; each round has a fresh database and service."""
    del server
    if shutil.which("wrk") is None:
        return [plain("not measured", "it needs wrk (Debian: apt-get install wrk)")]
    folder = Path(tempfile.mkdtemp(prefix="turnstile-scans-"))
    folder.chmod(0o711)
    found: dict[tuple[str, int], list[Measured]] = {}
    try:
        with template(folder, rows=1000) as made:
            tickets, first = _tickets(folder), count(step=TICKETS // 7)
            for _ in range(ROUNDS):
                for system in SYSTEMS:
                    with stage(system, folder, made, parameters={}) as running:
                        for clients in CLIENTS:
                            result = _measure(running, clients, tickets, next(first))
                            found.setdefault((system, clients), []).append(result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [row for clients in CLIENTS for row in _rows(clients, found)]


def _rows(clients: int, found: dict[tuple[str, int], list[Measured]]) -> Sequence[Row]:
    rates = {system: statistics.median(each.rate for each in found[system, clients]) for system in SYSTEMS}
    shown = [
        plain(f"{clients} clients: {SYSTEMS[system]}", _text(found[system, clients])) for system in SYSTEMS
    ]
    ratio = rates["turnstile"] / rates["stock"]
    return [*shown, at_least(f"{clients} clients: Turnstile / the stock way", ratio, 4.0, "x")]


def _text(rounds: Sequence[Measured]) -> str:
    rate = statistics.median(each.rate for each in rounds)
    p99 = statistics.median(each.p99 for each in rounds)
    lowest, highest = min(each.rate for each in rounds), max(each.rate for each in rounds)
    failed = sum(each.failed for each in rounds)
    return f"{rate:,.0f}/s ({lowest:,.0f} to {highest:,.0f}), p99 {p99:,.0f} ms, {failed} failed"


def _tickets(folder: Path) -> Path:
    nowhere = "postgres://nobody@127.0.0.1:9/nothing"
    os.environ.update(KEYS, DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=nowhere)
    from analytics import qr
    from benchmarks.siege.prepare import EVENT

    path = folder / "tickets"
    with path.open("w") as file:
        for number in range(TICKETS):
            token = qr.sign({"ticket_id": f"T-{number}", "event": EVENT, "user": "guest"})
            file.write(json.dumps({"qr_text": token}) + "\n")
    return path


def _measure(running: Stage, clients: int, tickets: Path, first: int) -> Measured:
    command = ["wrk", "-t1", f"-c{clients}", f"-d{SECONDS}s", "--timeout", "5s", "-s", str(SCRIPT)]
    environment = {**running.environment, "SCANS": str(tickets), "SCANS_FROM": str(first)}
    url = f"http://127.0.0.1:{running.port}"
    done = subprocess.run([*command, url], env=environment, capture_output=True, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("result ")]
    _, rate, p99, failed = line.split()
    return Measured(float(rate), float(p99), int(failed))
