"""
pretix: events and orders by its documented REST API, of every event that the token's team may see.

An order's positions and fees are sales; money paid back beyond what was cancelled is a refund. Orders in test
mode do not count. Needs pretix 2023.8 or newer, which lists the orders of all events.
"""

from etl.sources import SourceSpec
from etl.sources.contract import Source, SourceFailed
from etl.sources.pretix.source import Pretix

__all__ = ["open_source"]

_PREFIX = "pretix+"


def open_source(spec: SourceSpec) -> Source:
    """
    Open the organizer that `spec.address` names; nothing is read yet.

    Raises:
        SourceFailed: the address names no organizer.
    """
    address = spec.address[len(_PREFIX) :].rstrip("/")
    organizer = address.rpartition("/organizers/")[2]
    if organizer == address or not organizer or set(organizer) & set("/?#"):
        raise SourceFailed(
            f"{address} names no organizer: use pretix+https://pretix.example/api/v1/organizers/ORGANIZER"
        )
    return Pretix(address, name=spec.name or "pretix", token=spec.token, page_size=spec.page_size)
