"""
How old the sales are.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from reports.tables import table


@dataclass(frozen=True, kw_only=True)
class DataAge:
    """The newest ETL run, and when one last succeeded: `done_at`, None before that."""

    run_id: int
    source: str
    outcome: str
    started_at: datetime
    done_at: datetime | None


def age_of_the_data(*, connection: sa.Connection) -> DataAge | None:
    """Return the newest ETL run, and when one last succeeded; None before any run. One statement."""
    runs = table("etl.Run")
    done = runs.alias("done")
    done_at = (
        sa.select(done.c.finished_at).where(done.c.outcome == "done").order_by(done.c.id.desc()).limit(1)
    )
    newest = sa.select(
        runs.c.id.label("run_id"),
        runs.c.source,
        runs.c.outcome,
        runs.c.started_at,
        done_at.scalar_subquery().label("done_at"),
    )
    row = connection.execute(newest.order_by(runs.c.id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else DataAge(**row)
