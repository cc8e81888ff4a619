"""
The SQL that adds a staged page to the raw rows, and the difference that it makes to the summaries.

Only rows that differ are written. A row whose source says that it is older than the stored one is left out.
Staged rows are read where they are needed and never carried from part to part: they are wide, what is stored
of them is mostly nothing.

A stored row is looked up by its key inside LATERAL ... LIMIT 1: temporary tables have no statistics, and
without it the planner may read all of `raw_sales` for each page. Postgres runs the parts of a WITH in the
order in which they read each other; summaries are locked in the order days, totals, each by key, so no two
loads deadlock.
"""

import sqlalchemy as sa

SALE_COLUMNS = (
    "sale_id",
    "event_id",
    "kind",
    "quantity",
    "amount",
    "currency",
    "sold_at",
    "sold_on",
    "updated_at",
    "ticket_id",
)
EVENT_COLUMNS = ("event_id", "name", "timezone", "starts_at", "ends_at", "updated_at")

STAGED_SALES, STAGED_EVENTS = "staged_sales", "staged_events"


def _of(name: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name}.{column}" for column in columns)


def _from_excluded(columns: tuple[str, ...]) -> str:
    return ", ".join(f"{column} = excluded.{column}" for column in columns)


def counted(row: str, value: str) -> str:
    """Return SQL for what a raw sale adds to its group: a sale adds, a refund subtracts, else nothing."""
    return f"(CASE {row}.kind WHEN 'sale' THEN {row}.{value} WHEN 'refund' THEN - {row}.{value} ELSE 0 END)"


STAGE_SALES = sa.text(f"""
CREATE TEMPORARY TABLE {STAGED_SALES} ON COMMIT DROP AS
SELECT {", ".join(SALE_COLUMNS)} FROM raw_sales WITH NO DATA
""")
STAGE_EVENTS = sa.text(f"""
CREATE TEMPORARY TABLE {STAGED_EVENTS} ON COMMIT DROP AS
SELECT {", ".join(EVENT_COLUMNS)} FROM raw_events WITH NO DATA
""")

# As analytics' statements register the event of a scan. In the order of their ids: no two loads deadlock.
REGISTER_EVENTS = sa.text("""
INSERT INTO events (event_id, name)
SELECT event_id, event_id FROM unnest(CAST(:event_ids AS text[])) AS seen (event_id) ORDER BY event_id
ON CONFLICT (event_id) DO NOTHING
""")

# The join is LEFT: a sale of an unregistered event has no day, and an error is better than a lost sale.
_GIVEN = f"{STAGED_SALES} AS given LEFT JOIN events ON events.event_id = given.event_id"
_SALE_DATE = "coalesce(given.sold_on, CAST(given.sold_at AT TIME ZONE events.timezone AS date))"
# Not true when no stored id is between the least and the greatest of the page: then every row is new, and one
# look-up in the index replaces one for each row. ORDER BY, or the planner may read all of `raw_sales` for it.
_MAY_BE_STORED = f"""(
    SELECT sale_id FROM raw_sales
    WHERE source = :source AND sale_id >= (SELECT min(sale_id) FROM {STAGED_SALES})
    ORDER BY sale_id LIMIT 1
) <= (SELECT max(sale_id) FROM {STAGED_SALES})"""

_STORED_SALES = f"""
stored AS MATERIALIZED (
    SELECT given.sale_id, kept.event_id, kept.sale_date, kept.currency,
        {counted("kept", "quantity")} AS tickets, {counted("kept", "amount")} AS revenue,
        ({_of("given", SALE_COLUMNS)}) IS DISTINCT FROM ({_of("kept", SALE_COLUMNS)})
            AND (given.updated_at < kept.updated_at) IS NOT TRUE AS is_changed
    FROM {STAGED_SALES} AS given CROSS JOIN LATERAL (
        SELECT * FROM raw_sales
        WHERE raw_sales.source = :source AND raw_sales.sale_id = given.sale_id
        LIMIT 1
    ) AS kept
    WHERE {_MAY_BE_STORED}
)"""

_RAW_SALE = f"source, {', '.join(SALE_COLUMNS)}, sale_date"

# A plain INSERT for new rows: ON CONFLICT costs a quarter more. Nobody else writes rows of this source.
LOAD_SALES = sa.text(f"""
WITH {_STORED_SALES}, inserted AS (
    INSERT INTO raw_sales ({_RAW_SALE})
    SELECT :source, {_of("given", SALE_COLUMNS)}, {_SALE_DATE} FROM {_GIVEN}
    WHERE NOT EXISTS (SELECT FROM stored WHERE stored.sale_id = given.sale_id)
), updated AS (
    INSERT INTO raw_sales ({_RAW_SALE})
    SELECT :source, {_of("given", SALE_COLUMNS)}, {_SALE_DATE} FROM {_GIVEN}
    JOIN stored ON stored.sale_id = given.sale_id AND stored.is_changed
    ON CONFLICT (source, sale_id) DO UPDATE SET {_from_excluded((*SALE_COLUMNS[1:], "sale_date"))}
), difference AS MATERIALIZED (
    SELECT event_id, sale_date, currency, sum(tickets) AS tickets, sum(revenue) AS revenue,
        sum(row_count) AS row_count
    FROM (
        SELECT given.event_id, {_SALE_DATE} AS sale_date, given.currency,
            {counted("given", "quantity")} AS tickets, {counted("given", "amount")} AS revenue,
            1 AS row_count
        FROM {_GIVEN}
        WHERE NOT EXISTS (
            SELECT FROM stored WHERE stored.sale_id = given.sale_id AND NOT stored.is_changed
        )
        UNION ALL
        SELECT event_id, sale_date, currency, - tickets, - revenue, -1 FROM stored WHERE is_changed
    ) AS changes
    GROUP BY event_id, sale_date, currency
    HAVING sum(tickets) <> 0 OR sum(revenue) <> 0 OR sum(row_count) <> 0
), days AS (
    INSERT INTO daily_ticket_sales AS kept
        (event_id, sale_date, currency, tickets_sold, revenue, row_count, last_updated)
    SELECT event_id, sale_date, currency, tickets, revenue, row_count, :now FROM difference
    ORDER BY event_id, sale_date, currency
    ON CONFLICT (event_id, sale_date, currency) DO UPDATE
    SET tickets_sold = kept.tickets_sold + excluded.tickets_sold, revenue = kept.revenue + excluded.revenue,
        row_count = kept.row_count + excluded.row_count, last_updated = excluded.last_updated
    RETURNING event_id, row_count
), emptied AS MATERIALIZED (
    SELECT array_agg(DISTINCT event_id) FILTER (WHERE row_count = 0) AS event_ids FROM days
), totals AS (
    INSERT INTO event_sales_summary AS kept
        (event_id, event_name, currency, total_tickets, total_revenue, row_count, last_updated)
    SELECT event_id, events.name, currency, sum(tickets), sum(revenue), sum(row_count), :now
    FROM difference JOIN events USING (event_id) CROSS JOIN emptied
    GROUP BY event_id, events.name, currency
    ORDER BY event_id, currency
    ON CONFLICT (event_id, currency) DO UPDATE
    SET total_tickets = kept.total_tickets + excluded.total_tickets,
        total_revenue = kept.total_revenue + excluded.total_revenue,
        row_count = kept.row_count + excluded.row_count, last_updated = excluded.last_updated
)
SELECT (SELECT count(*) FROM {STAGED_SALES}) - count(*) AS inserted,
    count(*) FILTER (WHERE is_changed) AS updated, (SELECT event_ids FROM emptied) AS emptied
FROM stored
""")

DROP_EMPTY_DAYS = sa.text("""
DELETE FROM daily_ticket_sales WHERE event_id = ANY(CAST(:event_ids AS text[])) AND row_count = 0
""")
DROP_EMPTY_TOTALS = sa.text("""
DELETE FROM event_sales_summary WHERE event_id = ANY(CAST(:event_ids AS text[])) AND row_count = 0
""")

# What the source does not send leaves what staff entered. `before` is the events before the change.
LOAD_EVENTS = sa.text(f"""
WITH compared AS MATERIALIZED (
    SELECT given.*, kept.event_id IS NULL AS is_new
    FROM {STAGED_EVENTS} AS given
    LEFT JOIN raw_events AS kept ON kept.source = :source AND kept.event_id = given.event_id
    WHERE kept.event_id IS NULL OR (
        ({_of("given", EVENT_COLUMNS)}) IS DISTINCT FROM ({_of("kept", EVENT_COLUMNS)})
        AND (given.updated_at < kept.updated_at) IS NOT TRUE
    )
), raw AS (
    INSERT INTO raw_events (source, {", ".join(EVENT_COLUMNS)})
    SELECT :source, {", ".join(EVENT_COLUMNS)} FROM compared
    ON CONFLICT (source, event_id) DO UPDATE SET {_from_excluded(EVENT_COLUMNS[1:])}
), registered AS (
    INSERT INTO events (event_id, name, timezone, starts_at, ends_at)
    SELECT event_id, coalesce(nullif(name, ''), event_id), coalesce(nullif(timezone, ''), 'UTC'), starts_at,
        ends_at
    FROM compared ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING
), before AS (
    SELECT events.event_id, events.name, events.timezone
    FROM events JOIN compared ON compared.event_id = events.event_id
), changed AS (
    UPDATE events
    SET name = coalesce(nullif(compared.name, ''), events.name),
        timezone = coalesce(nullif(compared.timezone, ''), events.timezone),
        starts_at = coalesce(compared.starts_at, events.starts_at),
        ends_at = coalesce(compared.ends_at, events.ends_at)
    FROM compared
    WHERE events.event_id = compared.event_id
    RETURNING events.event_id, events.name, events.timezone
)
SELECT count(*) FILTER (WHERE is_new) AS inserted, count(*) FILTER (WHERE NOT is_new) AS updated,
    (SELECT array_agg(event_id) FROM changed JOIN before USING (event_id)
     WHERE changed.timezone <> before.timezone) AS moved,
    (SELECT array_agg(event_id) FROM changed JOIN before USING (event_id)
     WHERE changed.name <> before.name) AS renamed
FROM compared
""")

COUNT_PAGE = sa.text("""
UPDATE etl_run_log
SET page_count = page_count + 1, read_count = read_count + :read,
    inserted_count = inserted_count + :inserted, updated_count = updated_count + :updated,
    unchanged_count = unchanged_count + :unchanged, rejected_count = rejected_count + :rejected
WHERE id = :run_id
""")
