"""
The days of sales: recomputed when an event's time zone changed, in the transaction that changed it.
"""

from datetime import datetime

import sqlalchemy as sa

from etl.loading import summaries

_RECOMPUTE = sa.text("""
UPDATE raw_sales AS sale SET sale_date = CAST(sale.sold_at AT TIME ZONE events.timezone AS date)
FROM events
WHERE events.event_id = sale.event_id AND sale.sold_at IS NOT NULL
    AND sale.sale_date <> CAST(sale.sold_at AT TIME ZONE events.timezone AS date)
    AND (CAST(:event_ids AS text[]) IS NULL OR sale.event_id = ANY(CAST(:event_ids AS text[])))
""")


def recompute(connection: sa.Connection, *, event_ids: list[str] | None) -> int:
    """Move the raw sales of these events (None: all) to the days of their zones; return how many moved."""
    return connection.execute(_RECOMPUTE, {"event_ids": event_ids}).rowcount


def recompute_with_summaries(connection: sa.Connection, *, event_ids: list[str], now: datetime) -> None:
    """Recompute the sale dates of these events, and the summaries of their days where a sale moved."""
    if recompute(connection, event_ids=event_ids):
        summaries.write_days(connection, event_ids=event_ids, now=now)
