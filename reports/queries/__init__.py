"""
The questions of the dashboard, the event page and the ticket lookup.

Each is one statement on the connection that it is given, and none reads all scans: totals come from the
counters and the summaries, the rest from an index over a recent stretch of time. `event_ids` limits an answer
to these events; None is all of them, and an empty tuple none.
"""

from reports.queries.etl_run import DataAge, age_of_the_data
from reports.queries.events import EventNumbers, event_numbers, tonights_events
from reports.queries.gates import GateHour, scans_per_gate_and_hour
from reports.queries.minutes import MinuteCount, admissions_per_minute
from reports.queries.no_shows import NoShow, NoShows, tickets_that_never_came
from reports.queries.refusals import ReasonCount, refusals_by_reason
from reports.queries.sales import DaySales, sales_per_day
from reports.queries.ticket import TicketFact, ticket_history

__all__ = [
    "DataAge",
    "DaySales",
    "EventNumbers",
    "GateHour",
    "MinuteCount",
    "NoShow",
    "NoShows",
    "ReasonCount",
    "TicketFact",
    "admissions_per_minute",
    "age_of_the_data",
    "event_numbers",
    "refusals_by_reason",
    "sales_per_day",
    "scans_per_gate_and_hour",
    "ticket_history",
    "tickets_that_never_came",
    "tonights_events",
]
