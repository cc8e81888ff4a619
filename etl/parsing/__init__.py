"""
The upstream dialect: what LEGACY's ticketing API, a file or a rejected row tells, as typed rows.

Nothing is guessed: what cannot be read is a Rejection with its field and the cure. No module here reads a
source or touches the database.
"""

from etl.parsing.dialect import Dialect

__all__ = ["Dialect"]
