"""
Sums of whole numbers in SQL. Postgres sums bigint to numeric, which would reach Python as a Decimal.
"""

from typing import Any

import sqlalchemy as sa


def whole_sum(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Return the sum of `column` as a whole number, 0 over no rows."""
    return whole(sa.func.sum(column))


def whole(number: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Return `number`, a sum made elsewhere in the statement, as a whole number; 0 for null."""
    return sa.cast(sa.func.coalesce(number, 0), sa.BigInteger)
