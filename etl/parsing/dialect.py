"""
The dialect: one deployment's way to read what an upstream tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from etl.parsing import events, sale_fields, values
from etl.parsing.identity import identity_of
from etl.parsing.rules import Rules
from etl.parsing.sales import sale_row
from etl.parsing.upstream_fields import SALE_ID, UpstreamEvent, UpstreamSale, fields_of, first
from etl.parsing.values import Unreadable, shown
from etl.rows import FURTHEST_AHEAD, Endpoint, EventRow, Rejection, SaleRow

# Clocks differ, and a day begins elsewhere before it begins here.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """
    How rows are read.

    Attributes:
        now: an aware instant; a sale more than a day later is rejected.
        currency: ISO code for a sale that tells none; "" rejects such a sale.
        timezone: IANA zone of a timestamp without an offset; "" rejects such a timestamp.

    Raises:
        Unreadable: the currency or the time zone is none.
    """

    now: datetime
    currency: str = ""
    timezone: str = ""
    rules: Rules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        latest_at = self.now + _AHEAD
        rules = Rules(
            latest_at=latest_at,
            latest_on=(latest_at + FURTHEST_AHEAD).date(),
            currency=self.currency and values.currency("currency", self.currency),
            zone=ZoneInfo(values.zone("timezone", self.timezone)) if self.timezone else None,
        )
        # Frozen: this is the one way to keep what was worked out.
        object.__setattr__(self, "rules", rules)

    def sale(self, payload: Mapping[str, Any]) -> SaleRow | Rejection:
        """Read one sale, refund or cancelled sale; one without an id gets one from `identity_of`."""
        sale = fields_of(UpstreamSale, payload)
        upstream_id = sale_fields.upstream_id(sale)
        try:
            if first(sale, SALE_ID)[1] is None:
                sale.sale_id = identity_of(payload)
            return sale_row(sale, self.rules)
        except Unreadable as fault:
            return Rejection(payload, upstream_id, fault.field, fault.reason)

    def event(self, payload: Mapping[str, Any]) -> EventRow | Rejection:
        """Read one event."""
        event = fields_of(UpstreamEvent, payload)
        try:
            return events.event_row(event, self.rules)
        except Unreadable as fault:
            return Rejection(payload, events.upstream_id(event), fault.field, fault.reason)

    def row(self, endpoint: Endpoint, payload: Any) -> SaleRow | EventRow | Rejection:
        """Read one row of `endpoint`, whatever `payload` is."""
        if not isinstance(payload, Mapping):
            return Rejection(payload, "", "", f"{shown(payload)} is not an object with the fields of a row")
        return self.sale(payload) if endpoint is Endpoint.SALES else self.event(payload)
