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
REPORTS: Mapping[str, Report] = MappingProxyType({report.slug: report for report in (DailySales(),)})


class UnknownReport(LookupError):
    """There is no report of that name; the message lists those that there are."""


def find(slug: str) -> Report:
    """
    Return the report called `slug`.

    Raises:
        UnknownReport: there is none.
    """
    try:
        return REPORTS[slug]
    except KeyError:
        raise UnknownReport(f"no report {slug!r}: there are {', '.join(REPORTS)}") from None
