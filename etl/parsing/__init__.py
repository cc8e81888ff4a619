"""
From bytes to typed rows: pages of the ticketing API, lines of a file, and rejected rows that are retried.

A body passes through `pages`, each of its rows through `sales` or `events`, and an unusual field through
`sale_fields`, `values` and `instants`. Nothing is guessed: what cannot be read is a Rejection with its field
and the cure. No module here reads a source or touches the database.
"""

from etl.parsing.dialect import Dialect

__all__ = ["Dialect"]
