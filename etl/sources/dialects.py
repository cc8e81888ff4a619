"""
The dialect that a source's settings describe.
"""

from datetime import datetime

from etl.parsing import Dialect
from etl.parsing.values import Unreadable
from etl.sources import SourceSpec
from etl.sources.contract import SourceFailed


def dialect_of(spec: SourceSpec, *, now: datetime) -> Dialect:
    """
    Return how the rows of `spec` are read at `now`: each page has its own, for a run may take hours.

    Raises:
        SourceFailed: the currency is not a code of three letters, or the time zone is not known.
    """
    try:
        return Dialect(now=now, currency=spec.currency, timezone=spec.timezone)
    except Unreadable as fault:
        raise SourceFailed(f"the source's {fault.field}: {fault.reason}") from None
