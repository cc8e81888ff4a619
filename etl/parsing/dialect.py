"""
The dialect: one deployment's way to read what an upstream tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from etl.rows import EventRow, Rejection, SaleRow


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """
    How rows are read.

    Attributes:
        now: an aware instant; a sale more than a day later is rejected.
        currency: ISO code for a sale that tells none; "" rejects such a sale.
        timezone: IANA zone of a timestamp without an offset; "" rejects such a timestamp.
    """

    now: datetime
    currency: str = ""
    timezone: str = ""

    def sale(self, payload: Mapping[str, Any]) -> SaleRow | Rejection:
        """Read one sale, refund or cancelled sale."""
        raise NotImplementedError

    def event(self, payload: Mapping[str, Any]) -> EventRow | Rejection:
        """Read one event."""
        raise NotImplementedError
