"""
What loading pages would insert and update, page by page, without a lock on any table that others use.

What earlier pages would have written is in a temporary table, which takes precedence over the stored rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from etl.loading import staging, statements
from etl.rows import Endpoint


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    The comparison of one table.

    Attributes:
        table: the raw table.
        columns: what the source sends; the first is the key.
        staged: the table that holds a page while it is compared.
    """

    endpoint: Endpoint
    table: str
    columns: tuple[str, ...]
    staged: str

    def begin(self, connection: sa.Connection) -> None:
        """Begin an empty plan; it ends with the transaction."""
        names = ", ".join(self.columns)
        empty = f"SELECT {names} FROM {self.table} WITH NO DATA"
        table = f"planned_{self.table}"
        connection.execute(sa.text(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {empty}"))
        connection.execute(sa.text(f"CREATE UNIQUE INDEX ON {table} ({self.columns[0]})"))

    def compare(self, connection: sa.Connection, encoded: Sequence[bytes], *, source: str) -> tuple[int, int]:
        """Add an encoded page to the plan; return how many of its rows would be inserted and updated."""
        staging.stage(connection, self.endpoint, encoded)
        counts = connection.execute(sa.text(self._comparison()), {"source": source}).one()
        staging.drop(connection, self.staged)
        return counts.inserted, counts.updated

    def _comparison(self) -> str:
        key, names = self.columns[0], ", ".join(self.columns)
        of = {row: ", ".join(f"{row}.{column}" for column in self.columns) for row in ("given", "kept")}
        changes = ", ".join(f"{column} = excluded.{column}" for column in self.columns[1:])
        return f"""
            WITH compared AS MATERIALIZED (
                SELECT given.*, kept.{key} IS NULL AS is_new
                FROM {self.staged} AS given LEFT JOIN LATERAL (
                    SELECT 0 AS place, {names} FROM planned_{self.table} AS earlier
                    WHERE earlier.{key} = given.{key}
                    UNION ALL
                    SELECT 1, {names} FROM {self.table} AS stored
                    WHERE stored.source = :source AND stored.{key} = given.{key}
                    ORDER BY place LIMIT 1
                ) AS kept ON true
                WHERE kept.{key} IS NULL OR (
                    ({of["given"]}) IS DISTINCT FROM ({of["kept"]})
                    AND (given.updated_at < kept.updated_at) IS NOT TRUE
                )
            ), planned AS (
                INSERT INTO planned_{self.table} ({names}) SELECT {names} FROM compared
                ON CONFLICT ({key}) DO UPDATE SET {changes}
            )
            SELECT count(*) FILTER (WHERE is_new) AS inserted, count(*) FILTER (WHERE NOT is_new) AS updated
            FROM compared"""


_EVENTS = Plan(
    endpoint=Endpoint.EVENTS,
    table="raw_events",
    columns=statements.EVENT_COLUMNS,
    staged=statements.STAGED_EVENTS,
)
_SALES = Plan(
    endpoint=Endpoint.SALES,
    table="raw_sales",
    columns=statements.SALE_COLUMNS,
    staged=statements.STAGED_SALES,
)
PLANS: Mapping[Endpoint, Plan] = {plan.endpoint: plan for plan in (_EVENTS, _SALES)}
