"""
What the database alone does: pgbench, with the recorder's statement and with a bare INSERT.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.spike import cell
from benchmarks.spike.service import DATABASE, EVENT, environment_of
from benchmarks.spike.systems import TURNSTILE
from core.embedded import SUPERUSER, EmbeddedPostgres, _program

PROCESSES = (1, 2, 4)
BATCHES = (64, 256)
SECONDS = 4
ROUNDS = 3
_ID = "gen_random_uuid()"
_INSERT = f"""
INSERT INTO ticket_scans (scan_id, event_id, ticket_id, outcome, reason, is_genuine, gate, scanner_id,
    scanned_at, received_at, is_offline, is_forced)
VALUES ({_ID}, '{EVENT}', CAST({_ID} AS text), 'admitted', '', true, 'north', '1', now(), now(), false,
    false);
"""
# Made in the server, where a service sends them.
_FACTS = f"""(
    SELECT jsonb_agg(jsonb_build_array(
        {_ID}, '{EVENT}', {_ID}, '', true, 'north', '1', now(), now(), false, false
    )) FROM generate_series(1, %d)
)"""


def measure(postgres: EmbeddedPostgres, folder: Path) -> Mapping[str, float]:
    """Return scans a second, by what is done and how many processes do it: medians."""
    scripts = {"one bare INSERT each": (_INSERT, 1)}
    statement = _statement()
    for size in BATCHES:
        scripts[f"the recorder's statement, batches of {size}"] = (statement % (_FACTS % size), size)
    found = {}
    for name, (script, size) in scripts.items():
        path = folder / "script.sql"
        path.write_text(script)
        for processes in PROCESSES:
            rates = [_transactions_a_second(postgres, path, processes) for _ in range(ROUNDS)]
            found[f"{name}|{processes}"] = median(rates) * size
    return found


def _statement() -> str:
    os.environ.update(environment_of(TURNSTILE, "postgres://nobody@127.0.0.1:9/nothing"))
    import django

    django.setup()
    from analytics.models import COUNTER_SHARDS
    from analytics.recorder.scan_statement import WRITE

    text = WRITE.replace("CAST(%(facts)s AS jsonb)", "%s").replace("%(shard)s", ":number")
    return f"\\set number random(0, {COUNTER_SHARDS - 1})\n{text.strip()};\n"


def _transactions_a_second(postgres: EmbeddedPostgres, script: Path, processes: int) -> float:
    with psycopg.connect(postgres.url(DATABASE), autocommit=True) as connection:
        cell.empty(connection)
    command: list[str | Path] = [_program("pgbench"), "-n", "-M", "prepared", "-T", str(SECONDS)]
    each = ["-c", str(processes), "-j", str(processes)]
    target = ["-h", str(postgres.socket_dir), "-U", SUPERUSER, "-f", str(script), DATABASE]
    done = subprocess.run([*command, *each, *target], capture_output=True, text=True, check=True)
    [rate] = re.findall(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    return float(rate)
