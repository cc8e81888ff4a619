"""
The summaries compared with the raw rows, group by group. Nothing is changed.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from core import db
from etl.loading.summaries import DAYS, TOTALS

# How many discrepancies are kept: the first ones show what went wrong, `total` how often.
KEPT = 100

_EVERYTHING = {"event_ids": None, "first_day": None, "end_day": None}
# One statement, so one snapshot: a page that is committed meanwhile is in both sides or in neither.
_COMPARE = sa.text(f"""
WITH found AS (
    SELECT 'daily_ticket_sales' AS what,
        concat_ws(' ', event_id, sale_date, currency) AS row_key,
        concat_ws(' / ', kept.tickets_sold, kept.revenue, kept.row_count) AS stored,
        concat_ws(' / ', sums.tickets, sums.revenue, sums.row_count) AS expected
    FROM daily_ticket_sales AS kept FULL JOIN ({DAYS}) AS sums USING (event_id, sale_date, currency)
    WHERE (kept.tickets_sold, kept.revenue, kept.row_count)
        IS DISTINCT FROM (sums.tickets, sums.revenue, sums.row_count)
    UNION ALL
    SELECT 'event_sales_summary', concat_ws(' ', event_id, currency),
        concat_ws(' / ', kept.total_tickets, kept.total_revenue, kept.row_count, kept.event_name),
        concat_ws(' / ', sums.tickets, sums.revenue, sums.row_count,
            CASE WHEN sums.row_count > 0 THEN events.name END)
    FROM event_sales_summary AS kept FULL JOIN ({TOTALS}) AS sums USING (event_id, currency)
    LEFT JOIN events USING (event_id)
    WHERE (kept.total_tickets, kept.total_revenue, kept.row_count, kept.event_name)
        IS DISTINCT FROM (sums.tickets, sums.revenue, sums.row_count, events.name)
    UNION ALL
    SELECT 'raw_sales', concat_ws(' ', sale.source, sale.sale_id), CAST(sale.sale_date AS text),
        CAST(CAST(sale.sold_at AT TIME ZONE events.timezone AS date) AS text)
    FROM raw_sales AS sale LEFT JOIN events USING (event_id)
    WHERE sale.sale_date IS DISTINCT FROM
        coalesce(sale.sold_on, CAST(sale.sold_at AT TIME ZONE events.timezone AS date))
)
SELECT *, count(*) OVER () AS total FROM found ORDER BY what, row_key LIMIT {KEPT}
""")


@dataclass(frozen=True, kw_only=True)
class Discrepancy:
    """
    One row that is not what the raw rows say.

    Attributes:
        table: where it is, or should be.
        row_key: its key, as text.
        stored: tickets / revenue / rows as stored, for a raw sale its day; "" where the row is missing.
        expected: the same as the raw rows say; "" where there should be no row.
    """

    table: str
    row_key: str
    stored: str
    expected: str


class Discrepancies(list[Discrepancy]):
    """The first discrepancies; `total` counts all."""

    total: int = 0


def verify() -> Discrepancies:
    """
    Return what differs, by table and key: at most KEPT of them. Empty when the summaries are exact.

    Reads every raw row once for each table, in one statement.
    """
    found = Discrepancies()
    with db.get_engine().connect() as connection:
        for row in connection.execute(_COMPARE, _EVERYTHING):
            found.total = row.total
            found.append(
                Discrepancy(
                    table=row.what, row_key=row.row_key, stored=row.stored or "", expected=row.expected or ""
                )
            )
    return found
