"""
Totals of the rows as they pass: whole numbers together, money for each currency.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from reports.catalogue.contract import Column, Kind


class Totals:
    """
    Adds up the columns that have a total.

    Money is added to the currency in the row's column `currency`; without such a column, to "".
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        names = [column.name for column in columns]
        self._currency = names.index("currency") if "currency" in names else None
        self._counted = [n for n, each in enumerate(columns) if each.has_total and each.kind is Kind.INTEGER]
        self._money = [n for n, each in enumerate(columns) if each.has_total and each.kind is Kind.MONEY]
        self._counts = dict.fromkeys(self._counted, 0)
        self._amounts: dict[str, dict[int, Decimal]] = {}

    def add(self, batch: Sequence[Sequence[Any]]) -> None:
        """Add the rows of a batch; null counts as nothing."""
        for number in self._counted:
            self._counts[number] += sum(row[number] or 0 for row in batch)
        for number in self._money:
            for row in batch:
                currency = "" if self._currency is None else row[self._currency]
                amounts = self._amounts.setdefault(currency, defaultdict(Decimal))
                amounts[number] += row[number] or 0

    def lines(self) -> list[list[Any]]:
        """
        Return the rows under the table: the counts, then one for each currency, by its code.

        Cells are values or None; the first says "Total", the currency stands in its own column. No columns
        with a total: no lines.
        """
        lines = [self._line(self._counts)] if self._counted else []
        lines += [self._line(amounts, currency) for currency, amounts in sorted(self._amounts.items())]
        return lines

    def _line(self, values: dict[int, Any], currency: str = "") -> list[Any]:
        line: list[Any] = [values.get(number) for number in range(len(self._columns))]
        line[0] = f"Total {currency}".strip()
        if self._currency is not None:
            line[self._currency] = currency or None
        return line
