"""
The SQL that decides and stores a batch of scans, in the order in which they came.

It takes one jsonb value, an array of arrays, and a counter's shard. Joins between the parts of a WITH become
nested loops in a plan that is made once, so there are none. Each part that may wait for another transaction
reads the one before it, and takes its locks in the order of its keys: events, admissions by event and ticket,
scans, counters. Two batches never wait for each other in a circle.
"""

from analytics.recorder import statements

# The columns of a scan, in the order of ScanFact; a batch gives them in this order, but for the outcome.
COLUMNS = (
    "scan_id", "event_id", "ticket_id", "outcome", "reason", "is_genuine", "gate", "scanner_id", "scanned_at",
    "received_at", "is_offline", "is_forced",
)  # fmt: skip
# What is said of a scan that is new: whoever gave it knows the rest.
SAID = ("scan_id", "event_id", "outcome")
_ANSWER = ", ".join(
    name if name in SAID else f"CASE WHEN is_new THEN NULL ELSE {name} END" for name in COLUMNS
)

# A row has the columns, and whether it is new; one without a scan_id is the earlier admission of a ticket.
WRITE = statements.statement(f"""
WITH given AS MATERIALIZED (
    SELECT CAST(item->>0 AS uuid) AS scan_id, item->>1 AS event_id, item->>2 AS ticket_id, item->>3 AS reason,
        CAST(item->>4 AS boolean) AS is_genuine, item->>5 AS gate, item->>6 AS scanner_id,
        CAST(item->>7 AS timestamptz) AS scanned_at, CAST(item->>8 AS timestamptz) AS received_at,
        CAST(item->>9 AS boolean) AS is_offline, CAST(item->>10 AS boolean) AS is_forced, position
    FROM jsonb_array_elements(CAST(%(facts)s AS jsonb)) WITH ORDINALITY AS items (item, position)
), fresh AS MATERIALIZED (
    SELECT DISTINCT ON (scan_id) * FROM given ORDER BY scan_id, position
), new_event AS (
    INSERT INTO events (event_id, name)
    SELECT event_id, event_id FROM (SELECT DISTINCT event_id FROM fresh WHERE reason = '') AS named
    WHERE (SELECT known.event_id FROM events AS known WHERE known.event_id = named.event_id) IS NULL
    ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
), admission AS (
    INSERT INTO admissions AS kept (event_id, ticket_id, scan_id, gate, scanner_id, admitted_at)
    SELECT DISTINCT ON (event_id, ticket_id) event_id, ticket_id, scan_id, gate, scanner_id, received_at
    FROM fresh
    WHERE reason = '' AND (SELECT count(*) FROM new_event) >= 0
    ORDER BY event_id, ticket_id, position
    ON CONFLICT (event_id, ticket_id) DO UPDATE SET gate = kept.gate
    RETURNING kept.event_id, kept.ticket_id, kept.scan_id, kept.gate, kept.admitted_at,
        kept.xmax = 0 AS is_new
), scan AS (
    INSERT INTO ticket_scans AS kept ({", ".join(COLUMNS)})
    SELECT scan_id,
        CASE WHEN reason = '' THEN event_id ELSE coalesce(
            (SELECT known.event_id FROM events AS known WHERE known.event_id = fresh.event_id),
            (SELECT new_event.event_id FROM new_event WHERE new_event.event_id = fresh.event_id)
        ) END,
        ticket_id,
        CASE WHEN reason <> '' THEN 'refused'
            WHEN scan_id IN (SELECT admission.scan_id FROM admission) THEN 'admitted'
            ELSE 'duplicate' END,
        reason, is_genuine, gate, scanner_id, scanned_at, received_at, is_offline, is_forced
    FROM fresh
    WHERE (SELECT count(*) FROM admission) >= 0
    ORDER BY scan_id
    ON CONFLICT (scan_id) DO UPDATE SET gate = kept.gate
    RETURNING kept.*, kept.xmax = 0 AS is_new
), attempt AS (
    INSERT INTO invalid_attempts (
        attempt_id, event_id, ticket_id, reason, detail, gate, scanner_id, scan_id, attempted_at, received_at)
    SELECT gen_random_uuid(), event_id, ticket_id, reason, '', gate, scanner_id, scan_id, scanned_at,
        received_at
    FROM scan
    WHERE is_new AND outcome = 'refused'
), counter AS (
    INSERT INTO analytics_stats AS kept (event_id, day, shard, last_updated, scan_count, valid_scan_count,
        invalid_scan_count, admitted_count, duplicate_count, refused_count, invalid_attempt_count)
    SELECT event_id, CAST(received_at AT TIME ZONE 'UTC' AS date) AS day, CAST(%(shard)s AS smallint),
        max(received_at), count(*), count(*) FILTER (WHERE is_genuine),
        count(*) FILTER (WHERE NOT is_genuine), count(*) FILTER (WHERE outcome = 'admitted'),
        count(*) FILTER (WHERE outcome = 'duplicate'), count(*) FILTER (WHERE outcome = 'refused'),
        count(*) FILTER (WHERE outcome = 'refused')
    FROM scan
    WHERE is_new AND event_id IS NOT NULL
    GROUP BY event_id, day
    ORDER BY event_id, day
    ON CONFLICT (event_id, day, shard) DO UPDATE SET
        scan_count = kept.scan_count + excluded.scan_count,
        valid_scan_count = kept.valid_scan_count + excluded.valid_scan_count,
        invalid_scan_count = kept.invalid_scan_count + excluded.invalid_scan_count,
        admitted_count = kept.admitted_count + excluded.admitted_count,
        duplicate_count = kept.duplicate_count + excluded.duplicate_count,
        refused_count = kept.refused_count + excluded.refused_count,
        invalid_attempt_count = kept.invalid_attempt_count + excluded.invalid_attempt_count,
        last_updated = greatest(kept.last_updated, excluded.last_updated)
)
SELECT {_ANSWER}, is_new FROM scan
UNION ALL
SELECT NULL, event_id, ticket_id, NULL, NULL, NULL, gate, NULL, NULL, admitted_at, NULL, NULL, false
FROM admission WHERE NOT is_new
""")
