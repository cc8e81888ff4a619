"""
The version of the data that a report's rows were read from: equal versions mean equal rows.

Facts are only ever added, so their counters identify them; summaries, runs and events change in place, so a
digest of their rows does. Nothing here reads scans or transfers one by one.
"""

from collections.abc import Callable, Mapping
from datetime import date
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TEXT

from analytics.models import COUNT_NAMES
from analytics.sums import whole_sum
from reports.catalogue.contract import Parameters, Report, parameters_to_json
from reports.catalogue.narrowing import during, of_days, of_events, of_instants, rejects_of_runs
from reports.tables import table

# Increased when a report's statement or a format's layout changes: what is stored is then made again.
LAYOUT = 2


def data_version(connection: sa.Connection, report: Report, parameters: Parameters) -> str:
    """
    Return the version of the data that `report` would read now, as 64 hexadecimal digits.

    It changes with every change of the rows or figures, and with the parameters; an ETL run that changed
    nothing leaves it. A few statements: summaries and counters of the period, never facts.
    """
    read = parameters
    if report.reads_from_the_beginning:
        read = Parameters(start=date.min, end=parameters.end, event_ids=parameters.event_ids)
    parts: list[Any] = [LAYOUT, report.slug, parameters_to_json(parameters)]
    parts += [list(connection.execute(_events(read)).one())]
    parts += [list(connection.execute(statement(read)).one()) for statement in _statements(report)]
    return sha256(repr(parts).encode()).hexdigest()


def newest_etl_run(connection: sa.Connection) -> int | None:
    """Return the id of the newest ETL run that ended; None when none did."""
    runs = table("etl.Run")
    newest = sa.select(sa.func.max(runs.c.id)).where(runs.c.finished_at.is_not(None))
    run_id: int | None = connection.execute(newest).scalar_one()
    return run_id


def _statements(report: Report) -> list[Callable[[Parameters], sa.Select[Any]]]:
    # "scans" and "transfers" are counted in the same rows, which are read once.
    return list(dict.fromkeys(each for name in report.reads for each in _READ[name]))


def _digest(*columns: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the sum of the rows' 64-bit hashes, whatever their order; null for no rows."""
    # A row as text marks where a value ends and what is null.
    row = sa.cast(sa.func.row(*columns), TEXT)
    return sa.func.sum(sa.cast(sa.func.hashtextextended(row, 0), sa.Numeric))


def _events(parameters: Parameters) -> sa.Select[Any]:
    events = table("analytics.Event")
    digest = _digest(events.c.event_id, events.c.name, events.c.starts_at)
    return sa.select(sa.func.count(), digest).where(of_events(parameters, events.c.event_id))


def _sales(parameters: Parameters) -> sa.Select[Any]:
    sales = table("etl.DailyTicketSales")
    names = ("event_id", "sale_date", "currency", "tickets_sold", "revenue")
    digest = _digest(*(sales.c[name] for name in names))
    condition = of_days(parameters, sales.c.event_id, sales.c.sale_date)
    return sa.select(sa.func.count(), digest).where(condition)


def _counters(parameters: Parameters) -> sa.Select[Any]:
    counters = table("analytics.EventCounter")
    sums: list[Any] = [whole_sum(counters.c[name]) for name in COUNT_NAMES]
    counted: sa.Select[Any] = sa.select(*sums)
    return counted.where(of_days(parameters, counters.c.event_id, counters.c.day))


def _refused_of_no_known_event(parameters: Parameters) -> sa.Select[Any]:
    """Count what no counter counts: few rows, in an index that begins with the event."""
    scans = table("analytics.Scan")
    within = of_instants(parameters, scans.c.event_id, scans.c.received_at)
    return sa.select(sa.func.count()).select_from(scans).where(scans.c.event_id.is_(None), within)


def _runs(parameters: Parameters) -> sa.Select[Any]:
    runs = table("etl.Run")
    return sa.select(sa.func.count(), _digest(*runs.c)).where(during(parameters, runs.c.started_at))


def _rejected_rows(parameters: Parameters) -> sa.Select[Any]:
    rejects = table("etl.RejectedRow")
    names = ("id", "run_id", "field", "reason", "resolved_at")
    return rejects_of_runs(parameters, sa.func.count(), _digest(*(rejects.c[name] for name in names)))


_READ: Mapping[str, tuple[Callable[[Parameters], sa.Select[Any]], ...]] = {
    "sales": (_sales,),
    "scans": (_counters, _refused_of_no_known_event),
    "transfers": (_counters,),
    "runs": (_runs, _rejected_rows),
}
