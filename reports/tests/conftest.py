"""The cast: tonight's event and its neighbour in Łódź, with sales, and one ETL run behind them."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, models

from analytics.models import Event
from core import db
from core.embedded import EmbeddedPostgres
from reports import services
from reports.catalogue import Parameters, find
from reports.making import MadeFile, make_file
from reports.models import Cadence, Delivery, FileFormat, GeneratedReport, ReportState, Schedule
from reports.tests.staff import member
from reports.worker import run_queue

TONIGHT, LODZ = "tonight", "lodz"
FIRST = date(2025, 6, 1)
EIGHT = datetime(2025, 6, 1, 20, 0, tzinfo=UTC)
NOW = datetime(2025, 6, 2, 7, 30, tzinfo=UTC)
JUNE = Parameters(start=FIRST, end=date(2025, 7, 1))


def model(name: str) -> type[models.Model]:
    """Return a model of the ETL, which reports never import."""
    return apps.get_model(name)


def sell(event_id: str, tickets: int, revenue: str, *, currency: str = "EUR", days: int = 0) -> None:
    """Put a day's summary in place, as the ETL would."""
    model("etl.DailyTicketSales")._default_manager.create(
        event_id=event_id,
        sale_date=FIRST + timedelta(days=days),
        currency=currency,
        tickets_sold=tickets,
        revenue=Decimal(revenue),
        row_count=tickets,
        last_updated=EIGHT,
    )


def sell_on_many_days(count: int) -> None:
    """Put the summaries of `count` days in place, from the first of June on, one ticket each."""
    statement = sa.text(
        "INSERT INTO daily_ticket_sales (event_id, sale_date, currency, tickets_sold, revenue, row_count,"
        " last_updated) SELECT :event, date '2025-06-01' + number, 'EUR', 1, 1, 1, now()"
        " FROM generate_series(0, :count - 1) AS number"
    )
    with db.get_engine().begin() as connection:
        connection.execute(statement, {"event": TONIGHT, "count": count})


def etl_run(*, outcome: str = "done", **changes: Any) -> Any:
    """Record a run that ended, as the ETL would."""
    fields = {"source": "upstream", "mode": "incremental", "started_at": EIGHT, "finished_at": EIGHT}
    return model("etl.Run")._default_manager.create(**{**fields, "outcome": outcome, **changes})


@pytest.fixture
def tonight(transactional_db: None) -> Event:
    """Tonight's event; a report has a transaction of its own, so tests commit."""
    return Event.objects.create(event_id=TONIGHT, name="Afrobeats Live 2025")


@pytest.fixture
def lodz(tonight: Event) -> Event:
    return Event.objects.create(event_id=LODZ, name="Koncert w Łodzi, São Paulo gra")


def make_with(
    path: Path, on_progress: Callable[[int, int | None], None], file_format: FileFormat = FileFormat.CSV
) -> MadeFile:
    """Make the daily sales of June at `path`, and call `on_progress`."""
    return make_file(
        report=find("daily-sales"),
        parameters=JUNE,
        file_format=file_format,
        path=path,
        on_progress=on_progress,
        now=NOW,
    )


Make = Callable[..., MadeFile]


@pytest.fixture
def make(tmp_path: Path, transactional_db: None) -> Make:
    """Make a report of June, as CSV unless another format is given."""

    def make_it(
        slug: str, file_format: FileFormat = FileFormat.CSV, parameters: Parameters = JUNE
    ) -> MadeFile:
        return make_file(
            report=find(slug),
            parameters=parameters,
            file_format=file_format,
            path=tmp_path / f"report.{file_format}",
            on_progress=lambda *_: None,
            now=NOW,
        )

    return make_it


@pytest.fixture
def storage_folder(settings: Any, tmp_path: Path) -> Path:
    """A storage of the test's own; `files` lists what is in it."""
    folder = tmp_path / "storage"
    stores = {**settings.STORAGES}
    stores["reports"] = {**stores["reports"], "OPTIONS": {**stores["reports"]["OPTIONS"], "location": folder}}
    settings.STORAGES, settings.REPORT_STORAGE = stores, str(folder)
    return folder


def files(folder: Path) -> list[str]:
    """Return the names of everything in `folder`, files in the making included."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def seller(tonight: Event) -> User:
    """A member of staff who may have daily sales, of every event."""
    return member("seller", "daily-sales")


Request = Callable[..., GeneratedReport]


@pytest.fixture
def request_daily_sales(seller: User, storage_folder: Path) -> Request:
    """Ask for June's daily sales as CSV, as the seller."""

    def ask(user: User = seller, parameters: Parameters = JUNE, now: datetime = NOW) -> GeneratedReport:
        return services.request_report(
            user=user, slug="daily-sales", parameters=parameters, file_format=FileFormat.CSV, now=now
        )

    return ask


@pytest.fixture
def made(request_daily_sales: Request) -> GeneratedReport:
    """Daily sales of June, made."""
    sell(TONIGHT, 3, "75.00")
    generated = request_daily_sales()
    run_queue(now=NOW)
    generated.refresh_from_db()
    assert generated.state == ReportState.MADE, generated.error
    return generated


def state_of(generated: GeneratedReport) -> str:
    """Return the state of a report as it is now."""
    generated.refresh_from_db()
    return generated.state


@pytest.fixture
def locker(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    """A connection beside the pool's, whose locks are free at the end."""
    with psycopg.connect(postgres.url(connection.settings_dict["NAME"])) as outsider:
        yield outsider


def lock_sales(locker: psycopg.Connection[Any]) -> None:
    """Keep every report of sales waiting, until `locker` rolls back."""
    locker.execute("LOCK TABLE daily_ticket_sales IN ACCESS EXCLUSIVE MODE")


def store_schedule(user: User, /, **changes: Any) -> Schedule:
    """Store a schedule of `user`: daily sales as CSV by e-mail, daily at six."""
    fields = {
        "report": "daily-sales",
        "format": FileFormat.CSV,
        "cadence": Cadence.DAILY,
        "delivery": Delivery.EMAIL,
        "recipients": "organiser@example.org",
    }
    return Schedule.objects.create(**{"owner": user, **fields, **changes})
