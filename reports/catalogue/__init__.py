"""
The catalogue: every report that staff can ask for.

Adding one is a module here and its line in REPORTS (CONTRIBUTING has the four steps).
"""

from collections.abc import Mapping
from types import MappingProxyType

from reports.catalogue.contract import (
    Chart,
    Column,
    Figure,
    Kind,
    Parameters,
    Report,
    UnreadableParameters,
    parameters_from_json,
    parameters_to_json,
)
from reports.catalogue.daily_sales import DailySales
from reports.catalogue.duplicates import Duplicates
from reports.catalogue.etl_runs import EtlRuns
from reports.catalogue.gate_activity import GateActivity
from reports.catalogue.reconciliation import Reconciliation
from reports.catalogue.refused_scans import RefusedScans
from reports.catalogue.sales_by_event import SalesByEvent
from reports.catalogue.transfers import Transfers

__all__ = [
    "REPORTS",
    "Chart",
    "Column",
    "Figure",
    "Kind",
    "Parameters",
    "Report",
    "UnknownReport",
    "UnreadableParameters",
    "find",
    "parameters_from_json",
    "parameters_to_json",
]

# In the order in which staff see them.
_REPORTS: tuple[Report, ...] = (
    DailySales(),
    SalesByEvent(),
    GateActivity(),
    RefusedScans(),
    Duplicates(),
    Transfers(),
    Reconciliation(),
    EtlRuns(),
)
REPORTS: Mapping[str, Report] = MappingProxyType({report.slug: report for report in _REPORTS})


class UnknownReport(LookupError):
    """There is no report of that name; the message lists those that there are."""


def find(slug: str) -> Report:
    """
    Return the report called `slug`.

    Raises:
        UnknownReport: no report has that name.
    """
    try:
        return REPORTS[slug]
    except KeyError:
        raise UnknownReport(f"no report {slug!r}: there are {', '.join(REPORTS)}") from None
