"""
What the ETL stores: raw rows as the source sent them, their summaries, runs, cursors and rejected rows.

Raw rows and summaries are written by `etl.loading` only, in SQL; Django owns their schema.
"""

from etl.models.cursor import Cursor, Lease
from etl.models.raw import RawEvent, RawSale, SaleKind
from etl.models.rejected_row import RejectedRow
from etl.models.run import Run, RunOutcome
from etl.models.summary import DailyTicketSales, EventSalesSummary

__all__ = [
    "Cursor",
    "DailyTicketSales",
    "EventSalesSummary",
    "Lease",
    "RawEvent",
    "RawSale",
    "RejectedRow",
    "Run",
    "RunOutcome",
    "SaleKind",
]
