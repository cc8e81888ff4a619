"""
Sales as a chart and as figures: tickets of every currency share one axis, money never does.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from reports.queries import DaySales

DAYS = 30
# Django's own permission of the ETL's daily summary, by its name: what these figures are read from.
MAY_SEE_SALES = "etl.view_dailyticketsales"


@dataclass(frozen=True, kw_only=True)
class CurrencyTotal:
    """What was sold in one currency."""

    currency: str
    ticket_count: int
    revenue: Decimal


def first_day(today: date) -> date:
    """Return the oldest of the DAYS that end with `today`."""
    return today - timedelta(days=DAYS - 1)


def totals(days: Sequence[DaySales]) -> list[CurrencyTotal]:
    """Add up the days of each currency; the currency with the most tickets comes first."""
    of_currency: dict[str, list[DaySales]] = defaultdict(list)
    for day in days:
        of_currency[day.currency].append(day)
    summed = [
        CurrencyTotal(
            currency=currency,
            ticket_count=sum(day.ticket_count for day in own),
            revenue=sum((day.revenue for day in own), Decimal()),
        )
        for currency, own in of_currency.items()
    ]
    return sorted(summed, key=lambda total: (-total.ticket_count, total.currency))


def chart(days: Sequence[DaySales], *, today: date) -> dict[str, Any]:
    """Return the tickets of each of the last DAYS, zeros included, as one series for each currency."""
    first = first_day(today)
    shown = [day for day in days if first <= day.sale_date <= today]
    series: dict[str, list[int]] = {total.currency: [0] * DAYS for total in totals(shown)}
    for day in shown:
        series[day.currency][(day.sale_date - first).days] += day.ticket_count
    return {
        "days": [(first + timedelta(days=n)).isoformat() for n in range(DAYS)],
        "series": [{"label": currency, "counts": counts} for currency, counts in series.items()],
    }


def shown(days: Sequence[DaySales], *, today: date) -> dict[str, Any]:
    """Return what the section of sales shows of `days`."""
    return {"sales_chart": chart(days, today=today), "sales_totals": totals(days)}
