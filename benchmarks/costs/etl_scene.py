"""
What the ETL's benchmarks share: a migrated database, and sales that are made while they are read.

Sales come in the order in which they were sold, as the upstream gives them: 40 events over a year, ticket ids
in no order. No list of all of them exists.
"""

import os
import random
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from benchmarks.rig.server import DATABASE, Server

PAGE = 10_000
EVENTS = 40
YEAR = timedelta(days=365)
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
# Of every hundred sales, the one that an incremental run finds changed.
CHANGED = 100


def prepare(server: Server) -> None:
    """Start Django with the service's own settings on the server's database, and migrate it."""
    server.ask(f"GRANT ALL ON SCHEMA public TO PUBLIC; GRANT ALL ON DATABASE {DATABASE} TO PUBLIC")
    configure(server.url)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def configure(url: str) -> None:
    """Start Django with the service's own settings on the database at `url`."""
    keys = ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY")
    os.environ.update({key: f"only for the benchmark {key} " + "0" * 32 for key in keys})
    os.environ.update({"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"})
    import django

    django.setup()


def sale_page(first: int, count: int, total: int, *, version: int = 0, step: int = 1) -> list[Any]:
    """Return `count` of `total` sales, from the one numbered `first` on, each `step`-th of them."""
    from etl.rows import SaleRow

    chance = random.Random(first)
    rows = []
    for number in range(first, first + count * step, step):
        at = BEGIN + YEAR * (number / total)
        rows.append(
            SaleRow(
                sale_id=f"S-{number:09}",
                event_id=f"event-{chance.randrange(EVENTS)}" if step == 1 else f"event-{number % EVENTS}",
                kind="sale",
                quantity=1 + version,
                amount=Decimal(chance.randrange(1_000, 99_999)) / 100,
                currency="EUR",
                sold_at=at,
                sold_on=None,
                updated_at=BEGIN + YEAR + timedelta(seconds=number) if version else at,
                # As the legacy upstream tells its sales.
                ticket_id="",
            )
        )
    return rows


class _SalesSource:
    """What every source of the contract has."""

    name = "upstream"

    def __init__(self) -> None:
        from etl.rows import Endpoint

        self.endpoints: tuple[Endpoint, ...] = (Endpoint.SALES,)

    def check(self) -> Iterator[str]:
        """Nothing can be wrong."""
        yield "made up"

    def close(self) -> None:
        """Nothing is open."""


class PagesInMemory(_SalesSource):
    """A source of these pages, whatever it is asked for."""

    def __init__(self, pages: Sequence[Sequence[Any]]) -> None:
        super().__init__()
        self._pages = pages

    def pages(self, endpoint: Any, *, since: datetime | None = None, resume: str = "") -> Iterator[Any]:
        """Yield all of them."""
        from etl.rows import Page

        del since, resume
        for rows in self._pages:
            ends = {"first_at": rows[0].updated_at, "cursor_at": rows[-1].updated_at}
            yield Page(endpoint=endpoint, rows=rows, **ends)


class MadeSource(_SalesSource):
    """A source that makes `total` sales as it is read; since its cursor, a hundredth of them changed."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total

    def pages(self, endpoint: Any, *, since: datetime | None = None, resume: str = "") -> Iterator[Any]:
        """Yield all sales, or since an instant those that changed."""
        from etl.rows import Page

        del resume
        step, version = (1, 0) if since is None else (CHANGED, 1)
        count = self.total // step
        for start in range(0, count, PAGE):
            size = min(PAGE, count - start)
            rows = sale_page(start * step, size, self.total, version=version, step=step)
            ends = {"first_at": rows[0].updated_at, "cursor_at": rows[-1].updated_at}
            yield Page(endpoint=endpoint, rows=rows, **ends)


class Silence:
    """Nobody watches."""

    def run_started(self, run: Any, *, resumed: bool) -> None:
        """Say nothing."""

    def page_loaded(self, page: Any, counts: Any, totals: Any, page_count: int) -> None:
        """Say nothing."""

    def waiting(self, seconds: float) -> None:
        """Say nothing."""


def run_etl(source: Any) -> Any:
    """Run the ETL over `source`; return the finished run."""
    from etl.runs.options import RunOptions
    from etl.runs.pipeline import run_etl as run

    done = run(source, options=RunOptions(), watcher=Silence(), stop=threading.Event())
    assert done.outcome == "done", done.error
    return done
