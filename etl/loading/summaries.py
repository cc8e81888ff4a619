"""
Summaries recomputed from the raw rows. Only what differs is written.

Callers hold `locks.rebuild_summaries`, or compare in one statement.
"""

from datetime import date, datetime

import sqlalchemy as sa

from etl.loading.statements import counted

# What the raw rows of a scope add up to; None for no bound.
_SCOPE = "(CAST(:event_ids AS text[]) IS NULL OR {row}.event_id = ANY(CAST(:event_ids AS text[])))"
_PERIOD = """(CAST(:first_day AS date) IS NULL OR {row}.sale_date >= :first_day)
    AND (CAST(:end_day AS date) IS NULL OR {row}.sale_date < :end_day)"""


def _sums(group: str, scope: str) -> str:
    return f"""
    SELECT {group}, sum({counted("sale", "quantity")}) AS tickets,
        sum({counted("sale", "amount")}) AS revenue, count(*) AS row_count
    FROM raw_sales AS sale WHERE {scope.format(row="sale")} GROUP BY {group}"""


DAYS = _sums("event_id, sale_date, currency", f"{_SCOPE} AND {_PERIOD}")
TOTALS = _sums("event_id, currency", _SCOPE)

_DROP_DAYS = sa.text(f"""
WITH sums AS ({DAYS})
DELETE FROM daily_ticket_sales AS kept
WHERE {_SCOPE.format(row="kept")} AND {_PERIOD.format(row="kept")} AND NOT EXISTS (
    SELECT FROM sums
    WHERE (sums.event_id, sums.sale_date, sums.currency) = (kept.event_id, kept.sale_date, kept.currency)
)
""")
_WRITE_DAYS = sa.text(f"""
INSERT INTO daily_ticket_sales AS kept
    (event_id, sale_date, currency, tickets_sold, revenue, row_count, last_updated)
SELECT event_id, sale_date, currency, tickets, revenue, row_count, :now FROM ({DAYS}) AS sums
ON CONFLICT (event_id, sale_date, currency) DO UPDATE
SET tickets_sold = excluded.tickets_sold, revenue = excluded.revenue, row_count = excluded.row_count,
    last_updated = excluded.last_updated
WHERE (kept.tickets_sold, kept.revenue, kept.row_count)
    <> (excluded.tickets_sold, excluded.revenue, excluded.row_count)
""")
_DROP_TOTALS = sa.text(f"""
WITH sums AS ({TOTALS})
DELETE FROM event_sales_summary AS kept
WHERE {_SCOPE.format(row="kept")} AND NOT EXISTS (
    SELECT FROM sums WHERE (sums.event_id, sums.currency) = (kept.event_id, kept.currency)
)
""")
_WRITE_TOTALS = sa.text(f"""
INSERT INTO event_sales_summary AS kept
    (event_id, event_name, currency, total_tickets, total_revenue, row_count, last_updated)
SELECT event_id, events.name, currency, tickets, revenue, row_count, :now
FROM ({TOTALS}) AS sums JOIN events USING (event_id)
ON CONFLICT (event_id, currency) DO UPDATE
SET event_name = excluded.event_name, total_tickets = excluded.total_tickets,
    total_revenue = excluded.total_revenue, row_count = excluded.row_count,
    last_updated = excluded.last_updated
WHERE (kept.event_name, kept.total_tickets, kept.total_revenue, kept.row_count)
    <> (excluded.event_name, excluded.total_tickets, excluded.total_revenue, excluded.row_count)
""")
_COPY_NAMES = sa.text("""
UPDATE event_sales_summary AS kept SET event_name = events.name
FROM events
WHERE events.event_id = kept.event_id AND kept.event_name <> events.name
    AND kept.event_id = ANY(CAST(:event_ids AS text[]))
""")


def write_days(
    connection: sa.Connection,
    *,
    event_ids: list[str] | None,
    now: datetime,
    first_day: date | None = None,
    end_day: date | None = None,
) -> int:
    """Recompute the days of these events (None: all) from `first_day` to before `end_day`; count changes."""
    scope = {"event_ids": event_ids, "first_day": first_day, "end_day": end_day, "now": now}
    return sum(connection.execute(statement, scope).rowcount for statement in (_DROP_DAYS, _WRITE_DAYS))


def write_totals(connection: sa.Connection, *, event_ids: list[str] | None, now: datetime) -> int:
    """Recompute the totals of these events (None: all); return how many rows changed."""
    scope = {"event_ids": event_ids, "now": now}
    return sum(connection.execute(statement, scope).rowcount for statement in (_DROP_TOTALS, _WRITE_TOTALS))


def copy_event_names(connection: sa.Connection, *, event_ids: list[str]) -> None:
    """Copy the names of these events into their summaries."""
    connection.execute(_COPY_NAMES, {"event_ids": event_ids})
