"""
Who may change summaries beside whom. All locks end with their transaction.

Page loads run side by side: they add differences. Whoever recomputes summaries or sale dates does so alone,
because a page that is under way has rows that nobody else can see yet.
"""

import sqlalchemy as sa

# Advisory locks have no names; these two are nobody else's.
_SUMMARIES = 0x7475726E
_SOURCES = 0x7475726F

_SHARE = sa.text(f"SELECT pg_advisory_xact_lock_shared({_SUMMARIES}, 0)")
_ALONE = sa.text(f"SELECT pg_advisory_xact_lock({_SUMMARIES}, 0)")
_SOURCE = sa.text(f"SELECT pg_advisory_xact_lock({_SOURCES}, hashtext(:source))")


def add_to_summaries(connection: sa.Connection) -> None:
    """Wait until nobody recomputes summaries, and keep others from beginning to."""
    connection.execute(_SHARE)


def rebuild_summaries(connection: sa.Connection) -> None:
    """Wait until the pages under way are committed, and keep others from beginning."""
    connection.execute(_ALONE)


def write_source(connection: sa.Connection, source: str) -> None:
    """Wait until nobody else writes rows of `source`; a run's lease already sees to that, for runs."""
    connection.execute(_SOURCE, {"source": source})
