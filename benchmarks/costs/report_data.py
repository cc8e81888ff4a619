"""
What the reports' benchmarks read: transfers in a migrated database, and the processes that read them.

Django is configured in here, so what needs it is imported where it is used.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import django
import psycopg

from benchmarks.rig.server import Server

ROWS = 1_000_000
EVENTS = 20
# The first day has FEW rows, each other day one in each second: a period of days selects some of them.
FIRST_DAY = date(2025, 6, 1)
FEW = 10_000
ROWS_OF_A_DAY = 86_400
TIMEOUT_SECONDS = 560.0

_FILL = f"""
INSERT INTO events (event_id, name)
SELECT 'event-' || number, 'Koncert w Łodzi, part ' || number FROM generate_series(0, {EVENTS - 1}) AS number;

INSERT INTO ticket_transfers (transfer_id, event_id, ticket_id, from_user, to_user, is_successful, reason,
    transferred_at, received_at)
SELECT gen_random_uuid(), 'event-' || number %% {EVENTS}, 'TKT-' || number, 'user_' || number * 7 %% 100003,
    'user_' || number * 11 %% 100003, number %% 50 <> 0,
    CASE WHEN number %% 50 = 0 THEN 'offer expired' ELSE '' END, moment, moment + interval '0.25 seconds'
FROM generate_series(0, %(rows)s - 1) AS number,
    LATERAL (SELECT timestamptz '2025-06-01Z' + interval '1 second' * CASE WHEN number < {FEW} THEN number
        ELSE number - {FEW} + {ROWS_OF_A_DAY} END AS moment) AS moments;

INSERT INTO analytics_stats (event_id, day, shard, transfer_count, successful_transfer_count,
    failed_transfer_count, last_updated)
SELECT event_id, CAST(received_at AT TIME ZONE 'UTC' AS date), 0, count(*),
    count(*) FILTER (WHERE is_successful), count(*) FILTER (WHERE NOT is_successful), max(received_at)
FROM ticket_transfers GROUP BY event_id, CAST(received_at AT TIME ZONE 'UTC' AS date);
"""


def set_up(url: str) -> None:
    """Start Django as the service starts it, on the database at `url`."""
    keys = dict.fromkeys(("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY"), "for-a-benchmark-only" * 2)
    os.environ.update({**keys, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"})
    django.setup()


def fill(server: Server, rows: int = ROWS) -> None:
    """Migrate the server's database and store `rows` transfers."""
    server.ask("GRANT ALL ON SCHEMA public TO writer")
    set_up(server.url)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with psycopg.connect(server.url, autocommit=True) as connection:
        psycopg.ClientCursor(connection).execute(_FILL, {"rows": rows})
        connection.execute("VACUUM ANALYZE")


class Cost(NamedTuple):
    """What a child process took: seconds, and its greatest resident memory in MiB."""

    seconds: float
    peak: float


def child(server: Server, what: str, rows: int) -> Cost:
    """Make a file in a process of its own; see `benchmarks.costs.report_child`."""
    command = [sys.executable, "-m", "benchmarks.costs.report_child", server.url, what, str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_SECONDS)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def parameters(rows: int) -> Any:
    """Return the days with the first `rows` transfers: FEW of them, or all."""
    from reports.catalogue import Parameters

    later_days = -(-(rows - FEW) // ROWS_OF_A_DAY)
    return Parameters(start=FIRST_DAY, end=FIRST_DAY + timedelta(days=1 + later_days))


def made(file_format: str, rows: int, path: Path) -> Any:
    """Make the report of transfers, as the service makes it; return its MadeFile."""
    from reports.catalogue import find
    from reports.making import make_file
    from reports.models import FileFormat

    return make_file(
        report=find("transfers"),
        parameters=parameters(rows),
        file_format=FileFormat(file_format),
        path=path,
        on_progress=lambda *_: None,
        now=datetime.now(UTC),
    )


def query(rows: int) -> str:
    """Return the report's statement as SQL text."""
    from sqlalchemy.dialects import postgresql

    from reports.catalogue import find

    statement = find("transfers").rows(parameters(rows))
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return str(compiled)


def ready_rows(rows: int) -> list[tuple[Any, ...]]:
    """Return the report's rows as XLSX takes them: instants in UTC without a zone."""
    with psycopg.connect(os.environ["DATABASE_URL"], options="-c timezone=UTC") as connection:
        found = connection.execute(query(rows)).fetchall()
    return [(row[0].replace(tzinfo=None), *row[1:-1], row[-1].replace(tzinfo=None)) for row in found]
