"""
What an error means: can the database not serve now, or is the request, or our code, at fault?

By its SQLSTATE, whichever library raised it: `core.pool.sqlstates` has the table. What stands in a log is the
diagnosis, not the exception: SQLAlchemy's text quotes the statement and its parameters.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import django.db
import psycopg
import sqlalchemy.exc
from django.db.transaction import TransactionManagementError
from django.http import HttpRequest
from psycopg_pool import PoolTimeout, TooManyRequests

from core.pool.refusal import as_text
from core.pool.sqlstates import PLAN_IS_GONE, Reason, reason_of
from core.pool.wait_queue import ServerUnreachable

logger = logging.getLogger(__name__)

# libpq refuses some calls itself, with no SQLSTATE and an OperationalError, as if the connection were lost.
_MISUSE = (
    "number of parameters must be between",
    "another command is already in progress",
    "pipeline mode",
    "no COPY in progress",
)
# As a library, or a test, raises them by itself.
_WITHOUT_DRIVER = (django.db.OperationalError, sqlalchemy.exc.OperationalError)
# They end the connection.
_FATAL = {"FATAL", "PANIC"}
_LIBRARIES = {"django", "sqlalchemy"}


@dataclass(frozen=True)
class Diagnosis:
    """
    Why the database cannot serve now.

    Attributes:
        reason: what a stranger may know.
        sqlstate: Postgres' code; None when no server was there to say it.
        borrower: who asked: "django", "sqlalchemy", "health", or "psycopg" for none of them.
        cause: what Postgres, libpq or the pool says, on one line, without statement and parameters.
    """

    reason: Reason
    sqlstate: str | None
    borrower: str
    cause: str

    def __str__(self) -> str:
        return f"{self.reason} (SQLSTATE {self.sqlstate or 'none'}, borrower {self.borrower}): {self.cause}"


def diagnose(error: BaseException, *, borrower: str = "") -> Diagnosis | None:
    """
    Return why the database cannot serve now; None when `error` is a mistake of a caller or of ours.

    Args:
        error: whatever was raised.
        borrower: who asked, where `error` does not tell.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, TransactionManagementError) for cause in causes):
        # Whatever made the transaction useless: the code went on with it.
        return None
    for cause in causes:
        if isinstance(cause, psycopg.Error):
            reason = _reason_of_driver(cause)
            return reason and Diagnosis(
                reason, cause.sqlstate, borrower or _borrower(causes), _text_of(cause)
            )
    if any(isinstance(cause, _WITHOUT_DRIVER) for cause in causes):
        return Diagnosis("unreachable", None, borrower or _borrower(causes), type(error).__name__)
    return None


def is_unavailable(error: BaseException) -> bool:
    """Tell whether `error` means that the database cannot serve now, so that a later try may succeed."""
    return diagnose(error) is not None


def unavailable_reason(error: BaseException) -> Reason | None:
    """Return what a stranger may know about why the database cannot serve; None when it is not to blame."""
    found = diagnose(error)
    return found.reason if found else None


def has_lost_plan(error: BaseException) -> bool:
    """Tell whether a prepared statement failed because its plan is gone: at once again, it may succeed."""
    return any(isinstance(each, psycopg.Error) and each.sqlstate in PLAN_IS_GONE for each in _causes(error))


def connect_failure(error: BaseException) -> str | None:
    """Return why the pool opened no connection; None when that is not what `error` is about."""
    found = (cause for cause in _causes(error) if isinstance(cause, ServerUnreachable))
    return next(map(_text_of, found), None)


def log_503(request: HttpRequest, found: Diagnosis | str) -> None:
    """Log why `request` is answered 503: the view and the diagnosis, and nothing that the caller sent."""
    match = request.resolver_match
    view = f"/{match.route} ({match.view_name})" if match else "an address that was not looked up yet"
    logger.error("503 at %s %s: %s", request.method, view, found)
    # Django's own line would add nothing, or a traceback that quotes parameters: config.logs leaves it out.
    marked: Any = request
    marked.is_diagnosed = True


def _reason_of_driver(error: psycopg.Error) -> Reason | None:
    if error.sqlstate:
        return reason_of(error.sqlstate) or ("unreachable" if _ended_connection(error) else None)
    if isinstance(error, PoolTimeout | TooManyRequests):
        return "pool_full"
    text = str(error)
    is_misuse = any(words in text for words in _MISUSE)
    return "unreachable" if isinstance(error, psycopg.OperationalError) and not is_misuse else None


def _ended_connection(error: psycopg.Error) -> bool:
    return (error.diag.severity_nonlocalized or error.diag.severity) in _FATAL


def _text_of(error: psycopg.Error) -> str:
    return " ".join((error.diag.message_primary or as_text(error)).split())


def _borrower(causes: list[BaseException]) -> str:
    modules = (type(cause).__module__.partition(".")[0] for cause in causes)
    return next((module for module in modules if module in _LIBRARIES), "psycopg")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it was raised from; Django and SQLAlchemy wrap the driver's errors."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = getattr(cause, "orig", None) or cause.__cause__
