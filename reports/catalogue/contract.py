"""
What a report is: a name, parameters, columns, one statement for its rows and one for its figures.

Adding one is a module in `reports.catalogue` and its line in `reports.catalogue.REPORTS`. A report says what
to read; `reports.making` reads it in one transaction, and `reports.formats` write it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

import sqlalchemy as sa


class Kind(StrEnum):
    """What a column holds: it decides how each format writes a cell."""

    TEXT = "text"
    INTEGER = "integer"
    # Decimal, in the currency that the row's own currency column names.
    MONEY = "money"
    DATE = "date"
    # Aware; written in UTC.
    INSTANT = "instant"
    # Decimal, a share: 0.25 is a quarter. CSV and JSON write it as it is, XLSX and PDF as 25.00 %.
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in the statement, its heading, and what it holds."""

    name: str
    heading: str
    kind: Kind = Kind.TEXT
    # Whether XLSX and PDF give its total. Money is totalled for each currency.
    has_total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """
    What a report is asked for.

    Attributes:
        start, end: the period in days: `start` included, `end` not. A report of instants takes them as UTC
            days.
        event_ids: only these events; None for all. A user who is limited to some events never has None.
    """

    start: date
    end: date
    event_ids: tuple[str, ...] | None = None

    @property
    def last_day(self) -> date:
        """The last day of the period: what people, the command line and every file call its end."""
        return self.end - timedelta(days=1)


class UnreadableParameters(ValueError):
    """Stored parameters are not what `parameters_to_json` writes; the message says which part is not."""


def parameters_to_json(parameters: Parameters) -> dict[str, Any]:
    """Return `{"start": "2025-06-01", "end": "2025-06-02", "event_ids": null or [...]}`, for a JSONField."""
    event_ids = parameters.event_ids
    return {
        "start": parameters.start.isoformat(),
        "end": parameters.end.isoformat(),
        "event_ids": None if event_ids is None else list(event_ids),
    }


def parameters_from_json(stored: Mapping[str, Any]) -> Parameters:
    """
    Return what `parameters_to_json` was given.

    Raises:
        UnreadableParameters: a part is missing or of another kind.
    """
    try:
        start, end = date.fromisoformat(stored["start"]), date.fromisoformat(stored["end"])
        # No default: "all events" must be said, or a damaged row would widen what its reader may see.
        event_ids = stored["event_ids"]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableParameters(f"{stored!r}: {error}; expected start, end and event_ids") from None
    if event_ids is None:
        return Parameters(start=start, end=end)
    if not isinstance(event_ids, list) or not all(isinstance(each, str) for each in event_ids):
        raise UnreadableParameters(f"event_ids={event_ids!r} is not a list of event ids, nor null for all")
    return Parameters(start=start, end=end, event_ids=tuple(event_ids))


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the summary: "Total Sales", 1,234; with its currency where it is money."""

    label: str
    value: int | Decimal | str | date | datetime | None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """One series for the summary's chart."""

    title: str
    labels: Sequence[str]
    values: Sequence[float]


class Report(ABC):
    """
    One entry of the catalogue. Every method reads through the connection that it is given, and nothing else.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    # The models whose changes make a stored report stale, as `reports.data_version` reads them: "sales",
    # "scans", "transfers", "runs".
    reads: ClassVar[tuple[str, ...]]
    # Whether it also counts what happened before the period.
    reads_from_the_beginning: ClassVar[bool] = False
    # Whether it can be narrowed to events. One that cannot is not for those who may see some events only.
    is_about_events: ClassVar[bool] = True

    @abstractmethod
    def rows(self, parameters: Parameters) -> sa.Select[Any]:
        """Return the statement of the rows, in order, with a column for each of `columns` by name."""

    @abstractmethod
    def figures(self, connection: sa.Connection, parameters: Parameters) -> list[Figure]:
        """Return the summary: totals that equal the rows, because both come from one transaction."""

    def chart(self, connection: sa.Connection, parameters: Parameters) -> Chart | None:
        """Return what the PDF's first page draws; None for no chart."""
        return None

    def row_total(self, connection: sa.Connection, parameters: Parameters) -> int:
        """Return how many rows there will be, for progress."""
        counted = self.rows(parameters).order_by(None).subquery()
        return connection.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one()

    # The layout of the legacy service's files, for those who read them with scripts -----------------------

    def csv_preamble(
        self, parameters: Parameters, figures: Sequence[Figure], generated_at: datetime
    ) -> list[list[Any]]:
        """Return the lines before the heading of the rows in CSV; none for a plain table."""
        return []

    def json_document(
        self, parameters: Parameters, figures: Sequence[Figure], generated_at: datetime
    ) -> tuple[Mapping[str, Any], str]:
        """Return the JSON document's members but for the rows, and the name of the rows' member."""
        document = {
            "report": self.slug,
            "from": parameters.start,
            "to": parameters.last_day,
            "event_ids": parameters.event_ids,
            "generated_at": generated_at,
            "summary": summary(figures),
        }
        return document, "rows"


def summary(figures: Sequence[Figure]) -> dict[str, Any]:
    """
    Return the figures as a JSON object: "Total Sales" is the member `total_sales`.

    Money is never added up across currencies: in one currency it is a decimal, in several an object with a
    member for each.
    """
    members: dict[str, Any] = {}
    for label in dict.fromkeys(figure.label for figure in figures):
        same = [figure for figure in figures if figure.label == label]
        values = {figure.currency: figure.value for figure in same}
        members[label.lower().replace(" ", "_")] = values if len(same) > 1 else same[0].value
    return members
