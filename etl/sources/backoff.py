"""
Backoff: how long to wait before the next try. What the server asks for, otherwise longer each time.
"""

import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Never

import httpx
import tenacity

from etl.sources import origins
from etl.sources.contract import SourceFailed
from etl.sources.responses import Busy

_logger = logging.getLogger(__name__)

# Half a second, doubled each time, at most half a minute; times a random factor, so that clients spread out.
_exponential = tenacity.wait_random_exponential(multiplier=0.5, max=30)


def wait_seconds(tried: tenacity.RetryCallState) -> float:
    """Return the server's Retry-After, or the exponential backoff where it asks for no wait."""
    asked = retry_after_seconds(_busy(tried).retry_after, now=datetime.now(UTC))
    return asked or _exponential(tried)


def log_wait(tried: tenacity.RetryCallState) -> None:
    """Log that a wait begins: without the line, a run that waits looks like one that hangs."""
    _logger.warning("%s: trying again in %.1f s", _busy(tried), tried.upcoming_sleep)


def retry_after_seconds(header: str, *, now: datetime) -> float | None:
    """Return what a Retry-After header asks for, in seconds or as an HTTP date; None when it says nothing."""
    if header.strip().isascii() and header.strip().isdigit():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def give_up(tried: tenacity.RetryCallState, url: httpx.URL, total_seconds: float) -> Never:
    """
    End the tries.

    Raises:
        SourceFailed: always, with the error of the last try.
    """
    busy = _busy(tried)
    asks = f", asks to wait (Retry-After: {busy.retry_after[:40]})" if busy.retry_after else ""
    number = tried.attempt_number
    raise SourceFailed(
        f"{busy}{asks}: given up after {number} {'try' if number == 1 else 'tries'}, because "
        f"{origins.shown(url)} may take {total_seconds:g} s in all: run again later"
    ) from None


def _busy(tried: tenacity.RetryCallState) -> Busy:
    error = tried.outcome.exception() if tried.outcome else None
    if not isinstance(error, Busy):
        raise TypeError("only a busy server is tried again") from error
    return error
