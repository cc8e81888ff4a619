"""
Reconciliation: what was sold against who came.
"""

from typing import Any

import sqlalchemy as sa

from analytics.sums import whole, whole_sum
from reports.catalogue import figures as shared
from reports.catalogue.contract import Chart, Column, Figure, Kind, Parameters, Report
from reports.catalogue.narrowing import event_name, midnight, of_events
from reports.tables import table


class Reconciliation(Report):
    slug = "reconciliation"
    title = "Reconciliation: sold against admitted"
    description = (
        "Each event with a sale, a scan or its start in the period: tickets sold (all currencies, less "
        "refunds) and tickets admitted from the beginning to the period's end, who did not come, and who "
        "came without a sale that we know of."
    )
    columns = (
        Column("event_id", "Event ID"),
        Column("event_name", "Event Name"),
        Column("starts_at", "Starts At (UTC)", Kind.INSTANT),
        Column("sold_count", "Sold", Kind.INTEGER, has_total=True),
        Column("admitted_count", "Admitted", Kind.INTEGER, has_total=True),
        Column("no_show_count", "No-shows", Kind.INTEGER, has_total=True),
        Column("no_show_share", "No-show Rate", Kind.SHARE),
        Column("unsold_count", "Admitted Without a Sale", Kind.INTEGER, has_total=True),
    )
    reads = ("sales", "scans")
    reads_from_the_beginning = True

    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        each = _sold_and_admitted(parameters).subquery()
        missing = sa.func.greatest(each.c.sold_count - each.c.admitted_count, 0)
        # Null when nothing was sold: there is no rate of nothing.
        share = sa.func.round(
            sa.cast(missing, sa.Numeric) / sa.func.nullif(sa.func.greatest(each.c.sold_count, 0), 0), 4
        )
        return sa.select(
            *(each.c.event_id, each.c.event_name, each.c.starts_at, each.c.sold_count, each.c.admitted_count),
            missing.label("no_show_count"),
            share.label("no_show_share"),
            sa.func.greatest(each.c.admitted_count - each.c.sold_count, 0).label("unsold_count"),
        ).order_by(each.c.event_id)

    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        each = self.rows(parameters).order_by(None).subquery()
        names = ("sold_count", "admitted_count", "no_show_count", "unsold_count")
        sums: list[Any] = [whole_sum(each.c[name]) for name in names]
        labels = ("Events", "Sold", "Admitted", "No-shows", "Admitted Without a Sale")
        values = connection.execute(sa.select(sa.func.count(), *sums).select_from(each)).one()
        return [Figure(label, value) for label, value in zip(labels, values, strict=True)]

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        each = self.rows(parameters).order_by(None).subquery()
        statement = sa.select(each.c.event_id, each.c.no_show_count).order_by(
            each.c.no_show_count.desc(), each.c.event_id
        )
        return shared.bars(connection, statement, title="No-shows by event")


def _sold_and_admitted(parameters: Parameters) -> sa.Select[Any]:
    """Return the chosen events of the period with what was sold and admitted before its end."""
    events = table("analytics.Event")
    sold, admitted = _sold(parameters).subquery(), _admitted(parameters).subquery()
    starts_within = sa.and_(
        events.c.starts_at >= midnight(parameters.start), events.c.starts_at < midnight(parameters.end)
    )
    return (
        sa.select(
            *(events.c.event_id, event_name(events).label("event_name"), events.c.starts_at),
            whole(sold.c.total).label("sold_count"),
            whole(admitted.c.total).label("admitted_count"),
        )
        .join_from(events, sold, sold.c.event_id == events.c.event_id, isouter=True)
        .join(admitted, admitted.c.event_id == events.c.event_id, isouter=True)
        .where(of_events(parameters, events.c.event_id))
        .where(
            sa.or_(
                starts_within, sold.c.last_day >= parameters.start, admitted.c.last_day >= parameters.start
            )
        )
    )


def _sold(parameters: Parameters) -> sa.Select[Any]:
    sales = table("etl.DailyTicketSales")
    return _until_the_end(parameters, sales.c.event_id, sales.c.sale_date, sales.c.tickets_sold)


def _admitted(parameters: Parameters) -> sa.Select[Any]:
    counters = table("analytics.EventCounter")
    # A ticket is admitted once, so admissions count distinct tickets. A day with transfers only is no day of
    # the gates.
    admitted = _until_the_end(parameters, counters.c.event_id, counters.c.day, counters.c.admitted_count)
    return admitted.where(counters.c.scan_count > 0)


def _until_the_end(
    parameters: Parameters, event_id: sa.Column[Any], day: sa.Column[Any], count: sa.Column[Any]
) -> sa.Select[Any]:
    return (
        sa.select(event_id, sa.func.sum(count).label("total"), sa.func.max(day).label("last_day"))
        .where(day < parameters.end, of_events(parameters, event_id))
        .group_by(event_id)
    )
