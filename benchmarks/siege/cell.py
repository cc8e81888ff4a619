"""
One attack on one system: a fresh Postgres and service, the scanners, the attack, the verdict.
"""

import asyncio
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any, NamedTuple

from benchmarks.siege.attacks import ATTACKS
from benchmarks.siege.result import Result, judge
from benchmarks.siege.stage import ROOT, Stage, stage

SCANNERS = 40
# Statements in which commits say when they were.
_ADMITTED = """
    SELECT scan_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
    FROM ticket_scans WHERE outcome = 'admitted'
"""


class Times(NamedTuple):
    """
    How long each part of a cell lasts, in seconds.
    """

    before: float = 2.0
    attack: float = 30.0
    after: float = 10.0


def run(attack: str, system: str, folder: Path, made: Mapping[str, Any], times: Times) -> Result:
    """Besiege a system once; what its own machinery fails at is in the result."""
    try:
        with stage(system, folder, made, needs_disk=ATTACKS[attack].needs_disk) as found:
            return asyncio.run(_besiege(attack, found, times))
    except Exception:
        return _crashed(attack, system, traceback.format_exc())


async def _besiege(attack: str, found: Stage, times: Times) -> Result:
    scanners = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.siege.scanners", "--port", str(found.port)),
        *("--count", str(SCANNERS), "--seconds", str(sum(times))),
        cwd=ROOT,
        env=found.environment,
        stdout=asyncio.subprocess.PIPE,
        # A line is a few hundred bytes; all of them are read at once.
        limit=2**20,
    )
    try:
        assert scanners.stdout is not None
        # Its imports take seconds on a busy machine, and are no part of the time.
        await scanners.stdout.readline()
        reading = asyncio.ensure_future(scanners.communicate())
        await asyncio.sleep(times.before)
        begun = time()
        await ATTACKS[attack].run(found, times.attack)
        window = begun, time()
        written, _ = await reading
    finally:
        if scanners.returncode is None:
            scanners.kill()
    lines = [json.loads(line) for line in written.splitlines()]
    stored = dict(await asyncio.to_thread(found.ask, _ADMITTED))
    return judge(lines, stored, attack=attack, system=found.system, window=window)


def _crashed(attack: str, system: str, why: str) -> Result:
    nothing = judge([], {}, attack=attack, system=system, window=(0.0, 0.0))
    return replace(nothing, crashed=why)


def failures_of(result: Result) -> Sequence[str]:
    """Return what a result breaks of what Turnstile promises, in sentences."""
    is_usable = ATTACKS[result.attack].is_usable
    broken = {
        f"not measured: {result.crashed.strip().splitlines()[-1:]}": bool(result.crashed),
        f"{result.failed} scans failed: {dict(result.failures)}": is_usable and result.failed > 0,
        f"{result.overdue} scans had no answer in time": result.overdue > 0,
        f"{result.health_late} times /health took longer than a second": result.health_late > 0,
        f"{result.missing} admitted scans are missing": result.missing > 0,
        f"{result.contradicted} scans are stored that were refused": result.contradicted > 0,
        f"{result.stored_late} scans were stored after their deadline": result.stored_late > 0,
        "it did not recover": result.recovery is None,
    }
    return [sentence for sentence, is_so in broken.items() if is_so]
