"""
A run: from a source's cursor to its end, page by page. It is recorded whatever happens to it.

Between two pages it holds no connection; with a page it holds one.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

from core import db
from etl.lease import HeldLease, LeaseHeld, LeaseLost
from etl.loading.counts import Counts
from etl.loading.cursors import Mark, Walk, stored_mark
from etl.loading.load import EncodedPage, load_page
from etl.models import Run, RunOutcome
from etl.rows import Endpoint, Page
from etl.runs import record
from etl.runs.options import RunOptions
from etl.runs.reader import ReadAhead
from etl.sources.contract import Source, SourceFailed

__all__ = ["LeaseHeld", "RunOptions", "TooManyRejects", "Watcher", "run_etl"]

# A third of the lease: two renewals may fail before it is lost.
RENEW_SECONDS = 20.0


class TooManyRejects(RuntimeError):
    """
    More rows were rejected than the run accepts; what was loaded before stays.

    If you are hitting this, look at `manage.py etl rejects list`: each rejected row says what to do.
    """


class Interrupted(Exception):
    """The run was asked to stop; what it loaded is saved."""


class Watcher(Protocol):
    """What shows a run: a progress bar, a log. Called in the run's own thread."""

    def run_started(self, run: Run, *, resumed: bool) -> None:
        """The lease is taken; `resumed` when the run begins in the middle, where an earlier one stopped."""
        ...

    def page_loaded(self, page: Page, counts: Counts, totals: Counts, page_count: int) -> None:
        """`page` is committed; `totals` and `page_count` are those of the run."""
        ...

    def waiting(self, seconds: float) -> None:
        """No page came for `seconds`; called several times a second."""
        ...


def run_etl(source: Source, *, options: RunOptions, watcher: Watcher, stop: threading.Event) -> Run:
    """
    Load what `source` has since its cursor, or what `options` ask for.

    When `stop` is set, the page under way is finished and the run ends as interrupted.

    Returns:
        The finished run: also one that failed, was interrupted or had too many rejects.

    Raises:
        LeaseHeld: another run of this source is at work; nothing was written.
        Exception: any other error, after it was recorded.
    """
    lease, run = record.start(source=source.name, mode=options.mode, now=datetime.now(UTC))
    work = _Work(source, lease, options, watcher, stop)
    try:
        work.run(run)
    except Interrupted:
        return _finish(lease, RunOutcome.INTERRUPTED)
    except TooManyRejects as error:
        return _finish(lease, RunOutcome.TOO_MANY_REJECTS, str(error))
    except (SourceFailed, LeaseLost) as error:
        return _finish(lease, RunOutcome.FAILED, str(error))
    except BaseException as error:
        # The first line: what follows may be a statement's parameters, such as a buyer's name.
        with suppress(db.DriverError):
            _finish(lease, RunOutcome.FAILED, f"{type(error).__name__}: {error}".partition("\n")[0])
        raise
    return _finish(lease, RunOutcome.DONE)


def _finish(lease: HeldLease, outcome: RunOutcome, error: str = "") -> Run:
    return record.finish(lease, outcome=outcome, error=error, now=datetime.now(UTC))


class _Work:
    """The run under way."""

    def __init__(
        self,
        source: Source,
        lease: HeldLease,
        options: RunOptions,
        watcher: Watcher,
        stop: threading.Event,
    ) -> None:
        self._source, self._lease, self._options = source, lease, options
        self._watcher, self._stop = watcher, stop
        self._totals, self._page_count = Counts(), 0
        self._renewed = self._page_came = monotonic()

    def run(self, run: Run) -> None:
        """Load every endpoint to its end."""
        walks = {
            endpoint: self._begin(endpoint) for endpoint in Endpoint if endpoint in self._source.endpoints
        }
        self._watcher.run_started(run, resumed=any(walk.is_resumed for walk in walks.values()))
        for walk in walks.values():
            self._load_endpoint(walk)
        self._check_rejects(is_end=True)

    def _begin(self, endpoint: Endpoint) -> Walk:
        with db.get_engine().connect() as connection:
            mark = stored_mark(connection, source=self._source.name, endpoint=endpoint)
        options = self._options
        now = datetime.now(UTC)
        return Walk.begin(mark, since=options.since, is_full=options.is_full, lag=options.lag, now=now)

    def _load_endpoint(self, walk: Walk) -> None:
        for page in self._pages(walk):
            self._load(page, walk)
            if self._stop.is_set():
                raise Interrupted
        if self._stop.is_set():
            raise Interrupted
        self._close(walk.at_end(until=self._options.until))

    def _pages(self, walk: Walk) -> Iterator[EncodedPage]:
        def pages() -> Iterator[Page]:
            return self._source.pages(walk.mark.endpoint, since=walk.since, resume=walk.page)

        with ReadAhead(pages, until=self._options.until, idle=self._keep_lease) as ahead:
            yield from ahead

    def _load(self, encoded: EncodedPage, walk: Walk) -> None:
        page = encoded.page
        counts = load_page(
            encoded,
            source=self._source.name,
            now=datetime.now(UTC),
            lease=self._lease,
            run_id=self._lease.run_id,
            cursor=walk.after(page),
        )
        self._totals, self._page_count = self._totals + counts, self._page_count + 1
        self._renewed = self._page_came = monotonic()
        self._watcher.page_loaded(page, counts, self._totals, self._page_count)
        self._check_rejects(is_end=False)

    def _close(self, mark: Mark) -> None:
        """Store how far the endpoint was read, now that it was read to its end."""
        with db.get_engine().begin() as connection:
            self._lease.renew(connection)
            mark.store(connection, source=self._source.name)

    def _keep_lease(self) -> bool:
        """Renew the lease in time while no page comes; return whether to go on waiting."""
        self._watcher.waiting(monotonic() - self._page_came)
        if monotonic() - self._renewed > RENEW_SECONDS:
            with db.get_engine().begin() as connection:
                self._lease.renew(connection)
            self._renewed = monotonic()
        return not self._stop.is_set()

    def _check_rejects(self, *, is_end: bool) -> None:
        limit, totals = self._options.max_rejects, self._totals
        if limit and limit.is_exceeded(rejected=totals.rejected, read=totals.read, is_end=is_end):
            raise TooManyRejects(
                f"{totals.rejected:,} of {totals.read:,} rows were rejected, the limit is {limit}: see "
                f"`manage.py etl rejects list`"
            )
