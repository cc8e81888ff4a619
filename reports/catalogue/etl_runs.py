"""
ETL runs: when sales were fetched, how that ended, and what was rejected why.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report
from reports.catalogue.figures import bars
from reports.catalogue.narrowing import during, whole
from reports.tables import table

COUNTS = ("read_count", "inserted_count", "updated_count", "unchanged_count", "rejected_count")


class EtlRuns(Report):
    slug = "etl-runs"
    title = "ETL runs and rejects"
    description = (
        "Every ETL run that began in the period (UTC days) with its counts; its rejected rows, by reason, "
        "are those that no later run met again. It is about sources, not events: events do not narrow it."
    )
    columns = (
        Column("id", "Run", Kind.INTEGER),
        Column("source", "Source"),
        Column("mode", "Mode"),
        Column("started_at", "Started At (UTC)", Kind.INSTANT),
        Column("finished_at", "Finished At (UTC)", Kind.INSTANT),
        Column("outcome", "Outcome"),
        Column("read_count", "Read", Kind.INTEGER, has_total=True),
        Column("inserted_count", "Inserted", Kind.INTEGER, has_total=True),
        Column("updated_count", "Updated", Kind.INTEGER, has_total=True),
        Column("unchanged_count", "Unchanged", Kind.INTEGER, has_total=True),
        Column("rejected_count", "Rejected", Kind.INTEGER, has_total=True),
        Column("reject_reasons", "Reject Reasons"),
        Column("error", "Error"),
    )
    reads = ("runs",)
    is_about_events = False

    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        runs, reasons = table("etl.Run"), _reasons_of_runs().subquery()
        facts = [runs.c[name] for name in ("id", "source", "mode", "started_at", "finished_at", "outcome")]
        return (
            sa.select(
                *facts,
                *(runs.c[name] for name in COUNTS),
                sa.func.coalesce(reasons.c.told, "").label("reject_reasons"),
                runs.c.error,
            )
            .join_from(runs, reasons, reasons.c.run_id == runs.c.id, isouter=True)
            .where(during(parameters, runs.c.started_at))
            .order_by(runs.c.started_at, runs.c.id)
        )

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        runs = table("etl.Run")
        not_done = sa.func.count().filter(runs.c.outcome != "done")
        sums: list[Any] = [whole(sa.func.sum(runs.c[name])) for name in COUNTS]
        counted = sa.select(sa.func.count(), not_done, *sums).where(during(parameters, runs.c.started_at))
        values = connection.execute(counted).one()
        labels = ("Runs", "Runs Not Done", "Read", "Inserted", "Updated", "Unchanged", "Rejected")
        return [Figure(label, value) for label, value in zip(labels, values, strict=True)]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        rejects, runs = table("etl.RejectedRow"), table("etl.Run")
        label = _field_and_reason(rejects)
        statement = (
            sa.select(label, sa.func.count())
            .join_from(rejects, runs, runs.c.id == rejects.c.run_id)
            .where(during(parameters, runs.c.started_at))
            .group_by(label)
            .order_by(sa.func.count().desc(), label)
        )
        return bars(connection, statement, title="Rejected rows by reason")


def _reasons_of_runs() -> sa.Select[Any]:
    """Return for each run its rejects in words, the most frequent first: "amount: not a number (3); ..."."""
    rejects = table("etl.RejectedRow")
    label = _field_and_reason(rejects).label("reason")
    counted = sa.select(rejects.c.run_id, label, sa.func.count().label("row_count"))
    each = counted.where(rejects.c.run_id.is_not(None)).group_by(rejects.c.run_id, label).subquery()
    told = each.c.reason.concat(" (").concat(sa.cast(each.c.row_count, sa.Text)).concat(")")
    listed = sa.func.string_agg(
        told, aggregate_order_by(sa.literal("; "), each.c.row_count.desc(), each.c.reason)
    )
    return sa.select(each.c.run_id, listed.label("told")).group_by(each.c.run_id)


def _field_and_reason(rejects: sa.Table) -> sa.ColumnElement[str]:
    return rejects.c.field.concat(": ").concat(rejects.c.reason)
