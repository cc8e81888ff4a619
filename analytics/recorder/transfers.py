"""
A batch of transfers.
"""

from collections.abc import Sequence
from dataclasses import astuple

from analytics.facts import Recorded, TransferFact
from analytics.ids import IdReused
from analytics.recorder import statements, stored
from analytics.recorder.line import Recorder
from analytics.recorder.statements import Execute

# What a transfer that was stored under the same id must agree in.
SAME = ("event_id", "ticket_id", "from_user", "to_user", "is_successful", "reason")
# As in a TransferFact.
COLUMNS = (
    "transfer_id", "event_id", "ticket_id", "from_user", "to_user", "is_successful",
    "reason", "transferred_at", "received_at",
)  # fmt: skip

# Locks in the order of their keys: events, transfers, counters; see `analytics.recorder.scan_statement`.
WRITE = statements.statement(f"""
WITH given AS MATERIALIZED (
    SELECT CAST(item->>0 AS uuid) AS transfer_id, item->>1 AS event_id, item->>2 AS ticket_id,
        item->>3 AS from_user, item->>4 AS to_user, CAST(item->>5 AS boolean) AS is_successful,
        item->>6 AS reason, CAST(item->>7 AS timestamptz) AS transferred_at,
        CAST(item->>8 AS timestamptz) AS received_at, position
    FROM jsonb_array_elements(CAST(%(facts)s AS jsonb)) WITH ORDINALITY AS items (item, position)
), fresh AS MATERIALIZED (
    SELECT DISTINCT ON (transfer_id) * FROM given ORDER BY transfer_id, position
), new_event AS (
    INSERT INTO events (event_id, name)
    SELECT event_id, event_id FROM (SELECT DISTINCT event_id FROM fresh) AS named
    WHERE (SELECT known.event_id FROM events AS known WHERE known.event_id = named.event_id) IS NULL
    ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
), transfer AS (
    INSERT INTO ticket_transfers AS kept ({", ".join(COLUMNS)})
    SELECT {", ".join(COLUMNS)} FROM fresh
    WHERE (SELECT count(*) FROM new_event) >= 0
    ORDER BY transfer_id
    ON CONFLICT (transfer_id) DO UPDATE SET reason = kept.reason
    RETURNING kept.*, kept.xmax = 0 AS is_new
), counter AS (
    INSERT INTO analytics_stats AS kept (event_id, day, shard, last_updated, transfer_count,
        successful_transfer_count, failed_transfer_count)
    SELECT event_id, CAST(received_at AT TIME ZONE 'UTC' AS date) AS day, CAST(%(shard)s AS smallint),
        max(received_at), count(*), count(*) FILTER (WHERE is_successful),
        count(*) FILTER (WHERE NOT is_successful)
    FROM transfer
    WHERE is_new
    GROUP BY event_id, day
    ORDER BY event_id, day
    ON CONFLICT (event_id, day, shard) DO UPDATE SET
        transfer_count = kept.transfer_count + excluded.transfer_count,
        successful_transfer_count = kept.successful_transfer_count + excluded.successful_transfer_count,
        failed_transfer_count = kept.failed_transfer_count + excluded.failed_transfer_count,
        last_updated = greatest(kept.last_updated, excluded.last_updated)
)
SELECT {", ".join(COLUMNS)}, is_new FROM transfer
""")


def write(execute: Execute, transfers: Sequence[TransferFact]) -> list[Recorded[TransferFact] | IdReused]:
    """Store transfers in the transaction of `execute`, and commit nothing; an unknown event is registered."""
    rows = statements.run(execute, WRITE, map(astuple, transfers))
    return stored.answers(transfers, rows, columns=COLUMNS, key="transfer_id", same=SAME, made=TransferFact)


recorder = Recorder(write, "transfers")
