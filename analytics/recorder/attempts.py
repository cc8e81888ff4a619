"""
A batch of invalid attempts that no scan made.
"""

from collections.abc import Sequence
from dataclasses import astuple

from analytics.facts import InvalidAttemptFact, Recorded
from analytics.ids import IdReused
from analytics.recorder import statements, stored
from analytics.recorder.line import Recorder
from analytics.recorder.statements import Execute

# What an attempt that was stored under the same id must agree in.
SAME = ("event_id", "ticket_id", "reason", "detail")
# As in an InvalidAttemptFact.
COLUMNS = (
    "attempt_id", "event_id", "ticket_id", "reason", "detail", "gate",
    "scanner_id", "scan_id", "attempted_at", "received_at",
)  # fmt: skip

# Locks in the order of their keys: attempts, counters. An unknown event is left out, not registered.
WRITE = statements.statement(f"""
WITH given AS MATERIALIZED (
    SELECT CAST(item->>0 AS uuid) AS attempt_id, item->>1 AS event_id, item->>2 AS ticket_id,
        item->>3 AS reason, item->>4 AS detail, item->>5 AS gate, item->>6 AS scanner_id,
        CAST(item->>7 AS uuid) AS scan_id, CAST(item->>8 AS timestamptz) AS attempted_at,
        CAST(item->>9 AS timestamptz) AS received_at, position
    FROM jsonb_array_elements(CAST(%(facts)s AS jsonb)) WITH ORDINALITY AS items (item, position)
), fresh AS MATERIALIZED (
    SELECT DISTINCT ON (attempt_id) * FROM given ORDER BY attempt_id, position
), attempt AS (
    INSERT INTO invalid_attempts AS kept ({", ".join(COLUMNS)})
    SELECT attempt_id,
        (SELECT known.event_id FROM events AS known WHERE known.event_id = fresh.event_id),
        ticket_id, reason, detail, gate, scanner_id, scan_id, attempted_at, received_at
    FROM fresh
    ORDER BY attempt_id
    ON CONFLICT (attempt_id) DO UPDATE SET detail = kept.detail
    RETURNING kept.*, kept.xmax = 0 AS is_new
), counter AS (
    INSERT INTO analytics_stats AS kept (event_id, day, shard, last_updated, invalid_attempt_count)
    SELECT event_id, CAST(received_at AT TIME ZONE 'UTC' AS date) AS day, CAST(%(shard)s AS smallint),
        max(received_at), count(*)
    FROM attempt
    WHERE is_new AND event_id IS NOT NULL
    GROUP BY event_id, day
    ORDER BY event_id, day
    ON CONFLICT (event_id, day, shard) DO UPDATE SET
        invalid_attempt_count = kept.invalid_attempt_count + excluded.invalid_attempt_count,
        last_updated = greatest(kept.last_updated, excluded.last_updated)
)
SELECT {", ".join(COLUMNS)}, is_new FROM attempt
""")


def write(
    execute: Execute, attempts: Sequence[InvalidAttemptFact]
) -> list[Recorded[InvalidAttemptFact] | IdReused]:
    """Store attempts in the transaction of `execute`, and commit nothing."""
    rows = statements.run(execute, WRITE, map(astuple, attempts))
    return stored.answers(
        attempts, rows, columns=COLUMNS, key="attempt_id", same=SAME, made=InvalidAttemptFact
    )


recorder = Recorder(write, "attempts")
