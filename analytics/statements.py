"""
The SQL that records transfers and invalid attempts: one statement for each, which also counts it.

Scans have theirs in `analytics.recorder.statement`.

Every row is written with INSERT ... ON CONFLICT, because a concurrent statement may have stored the same row
after our snapshot was taken. DO UPDATE that changes nothing waits for that statement, locks the row and
returns it, which DO NOTHING does not; `xmax = 0` tells a row of ours from one that was there.

Postgres runs the parts of a WITH in the order in which they read each other. Here each part that may wait
for another transaction reads the one before it, so every statement locks in one order (event, admission,
fact, counter), and none can deadlock.
"""

from collections.abc import Mapping

import sqlalchemy as sa

_TRANSFER_COLUMNS = (
    "transfer_id, event_id, ticket_id, from_user, to_user, is_successful, reason, transferred_at, received_at"
)
_ATTEMPT_COLUMNS = (
    "attempt_id, event_id, ticket_id, reason, detail, gate, scanner_id, scan_id, attempted_at, received_at"
)

_NEW_EVENT = """
new_event AS (
    INSERT INTO events (event_id, name) SELECT event_id, event_id FROM given
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
), event AS (
    SELECT count(*) AS new_count FROM new_event
)"""

_KNOWN_EVENT = "(SELECT known.event_id FROM events AS known WHERE known.event_id = given.event_id)"


def _counted(fact: str, counts: Mapping[str, str]) -> str:
    """Return the part that adds `counts` (column -> SQL over the row of `fact`) when that row is new."""
    sums = ", ".join(f"{name} = kept.{name} + excluded.{name}" for name in counts)
    return f"""
counter AS (
    INSERT INTO analytics_stats AS kept (event_id, day, shard, last_updated, {", ".join(counts)})
    SELECT {fact}.event_id, CAST({fact}.received_at AT TIME ZONE 'UTC' AS date), given.shard,
        {fact}.received_at, {", ".join(counts.values())}
    FROM {fact} CROSS JOIN given
    WHERE {fact}.is_new AND {fact}.event_id IS NOT NULL
    ON CONFLICT (event_id, day, shard) DO UPDATE
    SET {sums}, last_updated = greatest(kept.last_updated, excluded.last_updated)
)"""


_COUNT_TRANSFER = _counted(
    "transfer",
    {
        "transfer_count": "1",
        "successful_transfer_count": "CAST(transfer.is_successful AS integer)",
        "failed_transfer_count": "CAST(NOT transfer.is_successful AS integer)",
    },
)
_COUNT_ATTEMPT = _counted("attempt", {"invalid_attempt_count": "1"})

TRANSFER = sa.text(f"""
WITH given AS (
    SELECT CAST(:transfer_id AS uuid) AS transfer_id, CAST(:event_id AS text) AS event_id,
        CAST(:ticket_id AS text) AS ticket_id, CAST(:from_user AS text) AS from_user,
        CAST(:to_user AS text) AS to_user, CAST(:is_successful AS boolean) AS is_successful,
        CAST(:reason AS text) AS reason, CAST(:transferred_at AS timestamptz) AS transferred_at,
        CAST(:received_at AS timestamptz) AS received_at, CAST(:shard AS smallint) AS shard
), {_NEW_EVENT}, transfer AS (
    INSERT INTO ticket_transfers AS kept ({_TRANSFER_COLUMNS})
    SELECT {_TRANSFER_COLUMNS} FROM given CROSS JOIN event
    ON CONFLICT (transfer_id) DO UPDATE SET reason = kept.reason
    RETURNING kept.*, kept.xmax = 0 AS is_new
), {_COUNT_TRANSFER}
SELECT {_TRANSFER_COLUMNS}, is_new FROM transfer
""")

INVALID_ATTEMPT = sa.text(f"""
WITH given AS (
    SELECT CAST(:attempt_id AS uuid) AS attempt_id, CAST(:event_id AS text) AS event_id,
        CAST(:ticket_id AS text) AS ticket_id, CAST(:reason AS text) AS reason,
        CAST(:detail AS text) AS detail, CAST(:gate AS text) AS gate, CAST(:scanner_id AS text) AS scanner_id,
        CAST(:attempted_at AS timestamptz) AS attempted_at, CAST(:received_at AS timestamptz) AS received_at,
        CAST(:shard AS smallint) AS shard
), attempt AS (
    INSERT INTO invalid_attempts AS kept ({_ATTEMPT_COLUMNS})
    SELECT attempt_id, {_KNOWN_EVENT}, ticket_id, reason, detail, gate, scanner_id, NULL, attempted_at,
        received_at
    FROM given
    ON CONFLICT (attempt_id) DO UPDATE SET detail = kept.detail
    RETURNING kept.*, kept.xmax = 0 AS is_new
), {_COUNT_ATTEMPT}
SELECT {_ATTEMPT_COLUMNS}, is_new FROM attempt
""")
