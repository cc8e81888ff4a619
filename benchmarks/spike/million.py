"""
`python -m benchmarks.spike.million`: a million validations, while Postgres and workers are killed.

Scanners show tickets as fast as they can, a tenth of them again, and keep what they were told. In the end
each answer is compared with what is stored. Postgres waits for the disk, as it does by default.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from time import monotonic, sleep

import psycopg
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from benchmarks.rig.folder import temporary
from benchmarks.siege.stage import ROOT, Stage, stage, template

SCANNERS = 128
PROCESSES = 2
# A ticket that came before is shown again, once.
AGAIN = 10
_TOLD = "CREATE TABLE told (scan_id uuid, ticket_id text, said text)"
# Each counts what must not be.
CHECKS = {
    "acknowledged scans missing": """
        SELECT count(*) FROM told LEFT JOIN ticket_scans USING (scan_id)
        WHERE said IN ('admitted', 'duplicate') AND ticket_scans.scan_id IS NULL""",
    "answers contradicted by what is stored": """
        SELECT count(*) FROM told JOIN ticket_scans USING (scan_id)
        WHERE said IN ('admitted', 'duplicate') AND said <> outcome""",
    "tickets told 'admitted' twice": """
        SELECT count(*) FROM (
            SELECT FROM told WHERE said = 'admitted' GROUP BY ticket_id HAVING count(*) > 1
        ) t""",
    "tickets admitted twice": """
        SELECT count(*) FROM (
            SELECT FROM ticket_scans WHERE outcome = 'admitted'
            GROUP BY event_id, ticket_id HAVING count(*) > 1
        ) t""",
    "admissions without their scan, or the reverse": """
        SELECT count(*) FROM admissions FULL JOIN (SELECT * FROM ticket_scans WHERE outcome = 'admitted') s
        USING (scan_id) WHERE s.event_id IS NULL OR admissions.event_id IS NULL""",
    "difference between counters and rows": """
        SELECT abs(counted - rows) FROM (SELECT coalesce(sum(scan_count), 0) counted FROM analytics_stats) c,
            (SELECT count(*) rows FROM ticket_scans) r""",
}


def main() -> None:
    """Run it, print what was seen, and fail where a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spike.million", description=__doc__)
    parser.add_argument("--scans", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=3, help="of Postgres, and as many of workers")
    arguments = parser.parse_args()
    with (
        temporary("million") as folder,
        template(folder, rows=1000) as made,
        stage("turnstile", folder, made, parameters={}) as running,
    ):
        broken = _run(running, arguments.scans, arguments.kills)
    if any(broken.values()):
        sys.exit(f"broken: {broken}")


def _run(running: Stage, scans: int, kills: int) -> dict[str, int]:
    console, said, begun = Console(), Counter[str](), monotonic()
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute(_TOLD)
    told: list[tuple[str, str, str]] = []
    due = [scans * number // (2 * kills + 1) for number in range(1, 2 * kills + 1)]
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with _scanners(running, scans) as lines, Progress(*columns, console=console) as progress:
        task = progress.add_task("validations", total=scans)
        for number, line in enumerate(lines, 1):
            scan_id, ticket, what = json.loads(line)
            told.append((scan_id, ticket, what))
            said[what] += 1
            if due and number >= due[0]:
                due.pop(0)
                _kill(running, is_postgres=len(due) % 2 == 1)
            if number % 1000 == 0:
                progress.update(task, completed=number)
    seconds = monotonic() - begun
    console.print(f"{len(told):,} validations in {seconds:.0f} s, {len(told) / seconds:,.0f}/s: {dict(said)}")
    return _judge(running, told, console)


def _kill(running: Stage, *, is_postgres: bool) -> None:
    """Kill Postgres, every process of it at once, and start it again; or one worker."""
    if is_postgres:
        running.postgres.signal(signal.SIGKILL)
        threading.Thread(target=_start_again, args=(running,)).start()
    else:
        random.choice(running.workers()).kill()


def _start_again(running: Stage) -> None:
    sleep(0.2)
    running.postgres.start()


def _judge(running: Stage, told: Sequence[tuple[str, str, str]], console: Console) -> dict[str, int]:
    with psycopg.connect(running.url, autocommit=True) as connection:
        with connection.cursor() as cursor, cursor.copy("COPY told FROM STDIN") as copy:
            for row in told:
                copy.write_row(row)
        connection.execute("ANALYZE")
        found = {}
        for what, statement in CHECKS.items():
            [(count,)] = connection.execute(statement).fetchall()
            found[what] = int(count)
            console.print(f"  {what}: {count:,}")
        [(rows, admitted)] = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE outcome = 'admitted') FROM ticket_scans"
        ).fetchall()
        console.print(f"  stored: {rows:,} scans, {admitted:,} of them admitted")
    return found


@contextmanager
def _scanners(running: Stage, scans: int) -> Iterator[Iterator[str]]:
    """Let processes of scanners show so many tickets; yield what they were told, in lines."""
    each = {"port": running.port, "count": SCANNERS // PROCESSES, "scans": scans // PROCESSES, "again": AGAIN}
    arguments = [text for name, value in each.items() for text in (f"--{name}", str(value))]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.spike.showing", *arguments],
            cwd=ROOT,
            env=running.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    try:
        yield _lines(started)
    finally:
        for process in started:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _lines(started: "Sequence[subprocess.Popen[str]]") -> Iterator[str]:
    lines: SimpleQueue[str | None] = SimpleQueue()

    def read(process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    for process in started:
        threading.Thread(target=read, args=(process,), daemon=True).start()
    for _ in started:
        while (line := lines.get()) is not None:
            yield line


if __name__ == "__main__":
    main()
