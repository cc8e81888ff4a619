"""
Why a report failed, as text for staff: what happened and what to do, never an exception's own text.

An exception of a driver or a library may quote an address with its password.
"""

import logging
import traceback

from sqlalchemy.exc import DBAPIError

from core import db
from reports.catalogue import UnknownReport, UnreadableParameters
from reports.models import GeneratedReport

logger = logging.getLogger(__name__)


class ReportFailed(RuntimeError):
    """A report could not be made; the message is what its row says."""


def as_text(error: BaseException, generated: GeneratedReport) -> str:
    """Return one sentence and the cure."""
    if isinstance(error, UnknownReport | UnreadableParameters):
        return f"{error}. Ask for a new report."
    if reason := db.unavailable_reason(error):
        return f"The database was unavailable ({reason}). See `manage.py doctor`, then make it again."
    if isinstance(error, DBAPIError):
        code, name = getattr(error.orig, "sqlstate", None), type(error.orig).__name__
        return f"Postgres refused a statement ({name}, {code}). The worker's log says more: {generated.pk}."
    if isinstance(error, OSError) and error.strerror:
        return f"The disk said: {error.strerror}. Make room in REPORT_STORAGE, then make it again."
    return f"It stopped with {type(error).__name__}. The worker's log says where: look for {generated.pk}."


def log(error: BaseException, generated: GeneratedReport) -> None:
    """Log where it happened, and Postgres' message."""
    message = getattr(getattr(getattr(error, "orig", None), "diag", None), "message_primary", None) or ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("report %s failed: %s %s\n%s", generated.pk, type(error).__name__, message, frames)
