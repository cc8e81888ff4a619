"""
What the reports' statements share: the period, the chosen events, an event's name, and a run's rejected rows.
"""

from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa

from reports.catalogue.contract import Parameters
from reports.tables import table

# For an event without a name, as the legacy service wrote it.
UNKNOWN = "Unknown"


def event_name(events: sa.FromClause) -> sa.ColumnElement[str]:
    """Return the event's name; "Unknown" where it has none, or where there is no event."""
    return sa.func.coalesce(sa.func.nullif(events.c.name, ""), UNKNOWN)


def of_days(parameters: Parameters, event_id: sa.Column[Any], day: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return the condition: a chosen event, and a day of the period."""
    return sa.and_(of_events(parameters, event_id), day >= parameters.start, day < parameters.end)


def of_instants(
    parameters: Parameters, event_id: sa.Column[Any], instant: sa.Column[Any]
) -> sa.ColumnElement[bool]:
    """Return the condition: a chosen event, and an instant of the period's UTC days. An index range."""
    return sa.and_(of_events(parameters, event_id), during(parameters, instant))


def during(parameters: Parameters, instant: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return the condition: an instant of the period's UTC days."""
    return sa.and_(instant >= midnight(parameters.start), instant < midnight(parameters.end))


def of_events(parameters: Parameters, event_id: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Return the condition: a chosen event; facts of no known event belong to "all events" only."""
    return sa.true() if parameters.event_ids is None else event_id.in_(parameters.event_ids)


def rejects_of_runs(parameters: Parameters, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return `columns` of the rejected rows whose ETL run began in the period."""
    rejects, runs = table("etl.RejectedRow"), table("etl.Run")
    of_runs = sa.select(*columns).join_from(rejects, runs, runs.c.id == rejects.c.run_id)
    return of_runs.where(during(parameters, runs.c.started_at))


def midnight(day: date) -> datetime:
    """Return the instant at which a UTC day begins."""
    return datetime.combine(day, time(), tzinfo=UTC)
