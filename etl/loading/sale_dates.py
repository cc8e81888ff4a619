"""
Days cut anew, when an event's time zone changed; and its new name, when it was renamed.

Both keep what was worked out before in step with `events`, in the transaction that changed it.
"""

from datetime import datetime

import sqlalchemy as sa

from etl.loading import summaries

_SCOPE = "(CAST(:event_ids AS text[]) IS NULL OR {column} = ANY(CAST(:event_ids AS text[])))"

_CUT = sa.text(f"""
UPDATE raw_sales AS sale SET sale_date = CAST(sale.sold_at AT TIME ZONE events.timezone AS date)
FROM events
WHERE events.event_id = sale.event_id AND sale.sold_at IS NOT NULL
    AND sale.sale_date <> CAST(sale.sold_at AT TIME ZONE events.timezone AS date)
    AND {_SCOPE.format(column="sale.event_id")}
""")
_RENAME = sa.text("""
UPDATE event_sales_summary AS kept SET event_name = events.name
FROM events
WHERE events.event_id = kept.event_id AND kept.event_name <> events.name
    AND kept.event_id = ANY(CAST(:event_ids AS text[]))
""")


def cut_days(connection: sa.Connection, *, event_ids: list[str] | None) -> int:
    """Move the raw sales of these events (None: all) to the days of their zones; return how many moved."""
    return connection.execute(_CUT, {"event_ids": event_ids}).rowcount


def follow_zones(connection: sa.Connection, *, event_ids: list[str], now: datetime) -> None:
    """Cut the days of these events anew, and work their summaries out where a sale moved."""
    if cut_days(connection, event_ids=event_ids):
        summaries.write_days(connection, event_ids=event_ids, now=now)


def follow_names(connection: sa.Connection, *, event_ids: list[str]) -> None:
    """Bring the names of these events into their summaries."""
    connection.execute(_RENAME, {"event_ids": event_ids})
