"""
What the reports' benchmarks read: transfers in a migrated database, and the process that reads them.
"""

import os
from datetime import date

import django
import psycopg

from benchmarks.faults.server import Server

ROWS = 1_000_000
EVENTS = 20
# A second apart: a million of them end in the eleventh day.
FIRST_DAY, END = date(2025, 6, 1), date(2025, 7, 1)

_FILL = f"""
INSERT INTO events (event_id, name)
SELECT 'event-' || number, 'Koncert w Łodzi, part ' || number FROM generate_series(0, {EVENTS - 1}) AS number;

INSERT INTO ticket_transfers (transfer_id, event_id, ticket_id, from_user, to_user, is_successful, reason,
    transferred_at, received_at)
SELECT gen_random_uuid(), 'event-' || number %% {EVENTS}, 'TKT-' || number, 'user_' || number * 7 %% 100003,
    'user_' || number * 11 %% 100003, number %% 50 <> 0,
    CASE WHEN number %% 50 = 0 THEN 'offer expired' ELSE '' END, moment, moment + interval '0.25 seconds'
FROM generate_series(0, %(rows)s - 1) AS number,
    LATERAL (SELECT timestamptz '2025-06-01Z' + number * interval '1 second' AS moment) AS moments;

INSERT INTO analytics_stats (event_id, day, shard, transfer_count, successful_transfer_count,
    failed_transfer_count, last_updated)
SELECT event_id, CAST(received_at AT TIME ZONE 'UTC' AS date), 0, count(*),
    count(*) FILTER (WHERE is_successful), count(*) FILTER (WHERE NOT is_successful), max(received_at)
FROM ticket_transfers GROUP BY event_id, CAST(received_at AT TIME ZONE 'UTC' AS date);
"""  # noqa: S608 - put together from this module's own numbers


def set_up(url: str) -> None:
    """Start Django as the service starts it, on the database at `url`."""
    keys = dict.fromkeys(("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY"), "for-a-benchmark-only" * 2)
    os.environ.update({**keys, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"})
    django.setup()


def fill(server: Server, rows: int = ROWS) -> None:
    """Migrate the server's database and store `rows` transfers."""
    server.ask("GRANT ALL ON SCHEMA public TO writer")
    set_up(server.url)
    from django.core.management import call_command  # noqa: PLC0415 - Django must be configured before

    call_command("migrate", verbosity=0)
    with psycopg.connect(server.url, autocommit=True) as connection:
        psycopg.ClientCursor(connection).execute(_FILL, {"rows": rows})
        connection.execute("VACUUM ANALYZE")
