"""
ETL runs: when sales were fetched, how that ended, and which rows were rejected for which reasons.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from analytics.sums import whole_sum
from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report
from reports.catalogue.figures import bars
from reports.catalogue.narrowing import during, rejects_of_runs
from reports.tables import table

# A run that met a new fault in every row would otherwise have a cell of megabytes.
REASONS_NAMED = 10
COUNTS = ("read_count", "inserted_count", "updated_count", "unchanged_count", "rejected_count")


class EtlRuns(Report):
    slug = "etl-runs"
    title = "ETL runs and rejects"
    description = (
        "Every ETL run that began in the period (UTC days) with its counts; its rejected rows, by reason, "
        "are those that no later run met again, the most frequent named. It is about sources, not events: "
        "events do not narrow it."
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
        runs, reasons = table("etl.Run"), _reasons_of_runs(parameters).subquery()
        facts = [runs.c[name] for name in ("id", "source", "mode", "started_at", "finished_at", "outcome")]
        return (
            sa.select(
                *facts,
                *(runs.c[name] for name in COUNTS),
                sa.func.coalesce(reasons.c.text, "").label("reject_reasons"),
                runs.c.error,
            )
            .join_from(runs, reasons, reasons.c.run_id == runs.c.id, isouter=True)
            .where(during(parameters, runs.c.started_at))
            .order_by(runs.c.started_at, runs.c.id)
        )

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        runs = table("etl.Run")
        not_done = sa.func.count().filter(runs.c.outcome != "done")
        sums: list[Any] = [whole_sum(runs.c[name]) for name in COUNTS]
        counted = sa.select(sa.func.count(), not_done, *sums).where(during(parameters, runs.c.started_at))
        values = connection.execute(counted).one()
        labels = ("Runs", "Runs Not Done", "Read", "Inserted", "Updated", "Unchanged", "Rejected")
        return [Figure(label, value) for label, value in zip(labels, values, strict=True)]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        label, row_count = _field_and_reason(table("etl.RejectedRow")), sa.func.count()
        counted = rejects_of_runs(parameters, label, row_count)
        statement = counted.group_by(label).order_by(row_count.desc(), label)
        return bars(connection, statement, title="Rejected rows by reason")


def _reasons_of_runs(parameters: Parameters) -> sa.Select[Any]:
    """
    Return each run of the period that has rejected rows, with their reasons as text.

    The most frequent first, REASONS_NAMED at most: "amount: not a number (3); ...; and 2 more".
    """
    each = _ranked_reasons(parameters).subquery()
    listed = sa.func.string_agg(each.c.text, aggregate_order_by(sa.literal("; "), each.c.place))
    named = listed.filter(each.c.place <= REASONS_NAMED)
    unnamed = sa.func.count() - REASONS_NAMED
    more = sa.case((unnamed > 0, sa.func.concat("; and ", unnamed, " more")), else_="")
    return sa.select(each.c.run_id, named.concat(more).label("text")).group_by(each.c.run_id)


def _ranked_reasons(parameters: Parameters) -> sa.Select[Any]:
    rejects = table("etl.RejectedRow")
    reason, row_count = _field_and_reason(rejects), sa.func.count()
    text = sa.func.concat(reason, " (", row_count, ")").label("text")
    place = sa.func.row_number().over(partition_by=rejects.c.run_id, order_by=(row_count.desc(), reason))
    ranked = rejects_of_runs(parameters, rejects.c.run_id, text, place.label("place"))
    return ranked.group_by(rejects.c.run_id, reason)


def _field_and_reason(rejects: sa.Table) -> sa.ColumnElement[str]:
    return rejects.c.field.concat(": ").concat(rejects.c.reason)
