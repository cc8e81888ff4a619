"""
Whose attempt it is: the address of the client, past the proxies that the deployment trusts.
"""

import logging
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
logger = logging.getLogger(__name__)


def client_of(request: HttpRequest) -> str:
    """
    Return the address that a request comes from.

    A header says it only where the connection is a trusted proxy's (TRUSTED_PROXIES). Each proxy adds whom it
    heard: the last one that is no trusted proxy is the client. What comes before, clients make up.
    """
    heard = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",")]
    address = request.META.get("REMOTE_ADDR") or UNKNOWN
    if heard != [""] and not _is_trusted(address):
        _warn_of_proxies()
    while heard and _is_trusted(address):
        if _parsed(said := heard.pop()) is None:
            break
        address = said
    return str(_parsed(address) or UNKNOWN)


def counted_as(address: str) -> str:
    """Return what an address is counted as: itself; of IPv6 its /64, which one subscriber has whole."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address


@cache
def _warn_of_proxies() -> None:
    logger.warning(
        "X-Forwarded-For is not believed: whoever logs in through a proxy counts as the proxy's address. "
        "Set TRUSTED_PROXIES to the proxy's"
    )


def _is_trusted(address: str) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in ip_network(each) for each in settings.TRUSTED_PROXIES)


def _parsed(address: str) -> Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    # An IPv4 client of a socket that listens on both.
    return getattr(parsed, "ipv4_mapped", None) or parsed
