"""
How far each endpoint was read: where a run begins, and what each page leaves for the next run.

A page's mark is stored in the page's own transaction. It promises: every row that the source had, older than
`cursor_at` less the lag, is loaded. A row that was late by more than the lag needs a full run.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from etl.rows import Endpoint, Page, timestamp_of

# Nine in a row go up by chance once in 362,880 times.
STEPS = 9

_READ = sa.text("SELECT cursor_at, resume FROM etl_cursors WHERE source = :source AND endpoint = :endpoint")
_STORE = sa.text("""
INSERT INTO etl_cursors (source, endpoint, cursor_at, resume)
VALUES (:source, :endpoint, :cursor_at, :resume)
ON CONFLICT (source, endpoint) DO UPDATE SET cursor_at = excluded.cursor_at, resume = excluded.resume
""").bindparams(sa.bindparam("resume", type_=JSONB(none_as_null=True)))


@dataclass(frozen=True, kw_only=True)
class Resume:
    """
    Where a walk over an unordered endpoint was interrupted.

    Attributes:
        since: what the walk asked for; None for everything.
        page: the reference of the page to resume with.
        began_at: when the walk began: rows that changed later may have been passed already.
        greatest_at: the greatest timestamp of the pages before.
    """

    since: datetime | None
    page: str
    began_at: datetime
    greatest_at: datetime | None

    def as_json(self) -> dict[str, str | None]:
        """Return what `etl.models.Cursor.resume` holds."""
        instants = {name: getattr(self, name) for name in ("since", "began_at", "greatest_at")}
        return {"page": self.page, **{name: at and at.isoformat() for name, at in instants.items()}}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Resume":
        """Read what `as_json` wrote."""
        instants = {name: at and datetime.fromisoformat(at) for name, at in stored.items() if name != "page"}
        return cls(page=stored["page"], **instants)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What is stored of an endpoint of a source: see `etl.models.Cursor`."""

    endpoint: Endpoint
    cursor_at: datetime | None = None
    resume: Resume | None = None

    def store(self, connection: sa.Connection, *, source: str) -> None:
        """Store it for the next run."""
        resume = self.resume and self.resume.as_json()
        key = {"source": source, "endpoint": self.endpoint.value}
        connection.execute(_STORE, {**key, "cursor_at": self.cursor_at, "resume": resume})


def stored_mark(connection: sa.Connection, *, source: str, endpoint: Endpoint) -> Mark:
    """Return what the last run left; an empty mark before the first run."""
    row = connection.execute(_READ, {"source": source, "endpoint": endpoint.value}).one_or_none()
    if row is None:
        return Mark(endpoint=endpoint)
    resume = Resume.from_json(row.resume) if row.resume else None
    return Mark(endpoint=endpoint, cursor_at=row.cursor_at, resume=resume)


class Walk:
    """
    One way through an endpoint: where it begins, and the mark after each page.

    Rows count as ascending once STEPS of them went up, and until one is older by more than the lag. While
    they ascend, an interrupted walk resumes from the greatest timestamp so far; otherwise with the page after
    which it was interrupted, under the cursor that it began with.
    """

    def __init__(self, mark: Mark, *, since: datetime | None, lag: timedelta, now: datetime) -> None:
        self.mark = mark
        self.since, self.page = since, ""
        self._lag, self._began_at = lag, now
        self._greatest_at: datetime | None = None
        self._is_ascending: bool | None = None
        self._steps = 0
        # Rows between the cursor and a later `since` are not read: a cursor beyond them would lose them.
        self._leaves_gap = since is not None and (mark.cursor_at is None or since > mark.cursor_at)

    @classmethod
    def begin(
        cls, mark: Mark, *, since: datetime | None, is_full: bool, lag: timedelta, now: datetime
    ) -> "Walk":
        """Resume an interrupted walk that asked for the same rows, or begin one."""
        resume = mark.resume
        is_incremental = since is None and not is_full
        if resume and resume.page and (is_incremental or resume.since == since):
            walk = cls(mark, since=resume.since, lag=lag, now=now)
            walk.page, walk._began_at, walk._greatest_at = resume.page, resume.began_at, resume.greatest_at
            walk._is_ascending = False
            return walk
        if is_incremental and mark.cursor_at is not None:
            since = mark.cursor_at - lag
        return cls(mark, since=since, lag=lag, now=now)

    @property
    def is_resumed(self) -> bool:
        """Whether it begins with a page in the middle."""
        return bool(self.page)

    def after(self, page: Page) -> Mark:
        """Return the mark to store with `page`."""
        self._note(page)
        if self._is_ascending and not self._leaves_gap:
            return replace(self.mark, cursor_at=self._at_most(self._greatest_at), resume=None)
        resume = Resume(
            since=self.since, page=page.reference, began_at=self._began_at, greatest_at=self._greatest_at
        )
        return replace(self.mark, resume=resume if page.reference else None)

    def at_end(self, *, until: datetime | None) -> Mark:
        """Return the mark of an endpoint that was read to its end."""
        if self._leaves_gap or self._greatest_at is None:
            return replace(self.mark, resume=None)
        # What changed after the walk began may be in a page that was read before, unless rows ascend.
        latest = None if self._is_ascending else self._began_at
        reached = min(at for at in (self._at_most(self._greatest_at), latest, until) if at is not None)
        return replace(self.mark, cursor_at=max(self.mark.cursor_at or reached, reached), resume=None)

    def _note(self, page: Page) -> None:
        greatest = self._greatest_at
        if page.first_at is None or page.cursor_at is None:
            return
        if greatest is not None and page.first_at < greatest - self._lag:
            self._is_ascending = False
        elif self._is_ascending is None:
            self._count_steps(page)
        self._greatest_at = page.cursor_at if greatest is None else max(greatest, page.cursor_at)

    def _count_steps(self, page: Page) -> None:
        # Row by row: the pages of an unordered endpoint may come in order by chance, its rows will not.
        greatest = self._greatest_at
        for at in filter(None, map(timestamp_of, page.rows)):
            if greatest is not None and at < greatest - self._lag:
                self._is_ascending = False
                return
            if greatest is None or at > greatest:
                greatest, self._steps = at, self._steps + 1
        if self._steps >= STEPS:
            self._is_ascending = True

    @staticmethod
    def _at_most(at: datetime | None) -> datetime | None:
        """Return `at`, but no instant in the future: the next run would miss all rows before it."""
        return at and min(at, datetime.now(UTC))
