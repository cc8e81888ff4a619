"""
Django's cursors, which tell their connection when they are closed: it may go back to the pool then.
"""

import logging
import re
import traceback
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base as postgresql
from django.db.backends.utils import CursorWrapper

logger = logging.getLogger(__name__)

# What a session keeps after a statement that is in no transaction.
_CHANGES_THE_SESSION = re.compile(
    r"""\s*(?:
        SET\s+(?!LOCAL\b|CONSTRAINTS\b|TRANSACTION\b)
        | RESET\b | DISCARD\b | LISTEN\b | UNLISTEN\b | PREPARE\b | LOAD\b
        | CREATE\s+(?:(?:GLOBAL|LOCAL)\s+)?TEMP
        | SELECT\b.*?\bINTO\s+TEMP
        | DECLARE\b.*\bWITH\s+HOLD\b
        | SELECT\b.*\bpg_(?:try_)?advisory_(?:lock|unlock)
        | SELECT\b.*\bset_config\s*\(.*,\s*(?:false|'f'|'false')\s*\)
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_told: set[tuple[str, int]] = set()


def changes_the_session(statement: str) -> bool:
    """Tell whether `statement` changes its session beyond itself."""
    return _CHANGES_THE_SESSION.match(statement) is not None


class Cursor(CursorWrapper):
    """Django's cursor."""

    def close(self) -> None:
        """Close the cursor, and let its connection go if nobody else needs it."""
        self.cursor.close()
        self.db.let_go()


class DebugCursor(postgresql.CursorDebugWrapper):
    """Django's cursor that notes what is asked; in development it also warns of what would be lost."""

    def close(self) -> None:
        """Close the cursor, and let its connection go if nobody else needs it."""
        self.cursor.close()
        self.db.let_go()

    def execute(self, statement: Any, params: Any = None) -> Any:
        """Execute a statement."""
        if settings.DEBUG and self.db.lets_go and changes_the_session(str(statement)):
            _warn(self.db.alias)
        return super().execute(statement, params)


def _warn(alias: str) -> None:
    """Say once for each place in the code that what it sets may be somebody else's connection's."""
    caller = next(
        frame
        for frame in reversed(traceback.extract_stack(limit=20))
        if "/django/" not in frame.filename and frame.filename != __file__
    )
    place = caller.filename, caller.lineno or 0
    if place not in _told:
        _told.add(place)
        logger.warning(
            "%s:%d changes the session of a connection that goes back to the pool after each statement: "
            "put it, and what needs it, into `with db.pinned(%r):`",
            *place,
            alias,
        )
