"""The cast: tonight's concert with its north and south gate, a jazz night, and who looks at them."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics import qr, services
from analytics.facts import InvalidAttemptFact
from analytics.models import Event
from analytics.tests.conftest import forged, ticket, transfer_fact
from core.db import get_engine
from reports.models import EventAccess
from reports.tests.staff import client_of

TONIGHT, JAZZ = "tonight", "jazz/night"
NORTH, SOUTH = "north", "south"


@pytest.fixture
def now() -> datetime:
    """The clock's time, which the pages ask too: in the middle of a minute, so that none begins meanwhile."""
    at = timezone.now()
    return at if at.second < 50 else at - timedelta(seconds=10)


@pytest.fixture
def tonight(db: None, now: datetime) -> Event:
    return make_event(TONIGHT, "Tonight's concert", starts_at=now - timedelta(hours=1))


@pytest.fixture
def jazz(db: None, now: datetime) -> Event:
    """Another event of tonight, whose id needs quoting in an address."""
    return make_event(JAZZ, "Jazz night", starts_at=now + timedelta(hours=2))


def make_event(event_id: str, name: str, **fields: Any) -> Event:
    return Event.objects.create(event_id=event_id, name=name, **fields)


def scan(ticket_id: str, *, at: datetime, event: str = TONIGHT, gate: str = NORTH) -> None:
    """Record a scan of a genuine ticket, received at `at`."""
    _record(ticket(ticket_id, event=event), at=at, gate=gate)


def refuse(ticket_id: str, *, at: datetime, event: str = TONIGHT, gate: str = NORTH) -> None:
    """Record a scan of a forged ticket."""
    _record(forged(ticket_id, event=event), at=at, gate=gate)


def _record(text: str, *, at: datetime, gate: str) -> None:
    services.record_scan(
        reading=qr.read(text),
        scan_id=uuid.uuid4(),
        gate=gate,
        scanner_id="scanner 1",
        scanned_at=at,
        received_at=at,
    )


def transfer(event: str, *, at: datetime) -> None:
    """Record that a ticket was given to somebody else."""
    services.record_transfer(transfer=transfer_fact(at=at, event_id=event, ticket_id="T-1"))


def report_attempt(event: str, *, at: datetime) -> None:
    """Record an invalid attempt that no gate scanned."""
    attempt = InvalidAttemptFact(
        attempt_id=uuid.uuid4(),
        event_id=event,
        ticket_id="T-1",
        reason="screenshot",
        detail="",
        gate=NORTH,
        scanner_id="",
        scan_id=None,
        attempted_at=at,
        received_at=at,
    )
    services.record_invalid_attempt(attempt=attempt)


def sell(
    *ticket_ids: str,
    day: date,
    event: str = TONIGHT,
    currency: str = "EUR",
    price: str = "20.00",
    kind: str = "sale",
) -> None:
    """Store sales as the ETL does: raw rows, and the summaries of day and event."""
    sign, at = (-1 if kind == "refund" else 1), timezone.now()
    for ticket_id in ticket_ids:
        apps.get_model("etl.RawSale").objects.create(
            source="shop",
            sale_id=f"{kind}-{ticket_id}",
            event_id=event,
            kind=kind,
            quantity=1,
            amount=Decimal(price),
            currency=currency,
            ticket_id=ticket_id,
            sale_date=day,
        )
    count = sign * len(ticket_ids)
    _add(
        "etl.DailyTicketSales",
        ("tickets_sold", "revenue"),
        count,
        price,
        event_id=event,
        currency=currency,
        sale_date=day,
        defaults={"last_updated": at},
    )
    _add(
        "etl.EventSalesSummary",
        ("total_tickets", "total_revenue"),
        count,
        price,
        event_id=event,
        currency=currency,
        defaults={"last_updated": at, "event_name": event},
    )


def _add(model: str, names: tuple[str, str], count: int, price: str, **key: Any) -> None:
    key["defaults"].update({names[0]: 0, names[1]: 0, "row_count": 0})
    row, _ = apps.get_model(model).objects.get_or_create(**key)
    setattr(row, names[0], getattr(row, names[0]) + count)
    setattr(row, names[1], getattr(row, names[1]) + count * Decimal(price))
    row.row_count += abs(count)
    row.save()


def ran(outcome: str = "done", *, started_at: datetime, finished_at: datetime | None = None) -> None:
    """Store an ETL run."""
    apps.get_model("etl.Run").objects.create(
        source="shop", mode="full", started_at=started_at, finished_at=finished_at, outcome=outcome
    )


@pytest.fixture
def boss(db: None) -> Client:
    """A superuser. Hashing a password would take longer than the test."""
    return client_of(User.objects.create(username="boss", is_staff=True, is_superuser=True))


@pytest.fixture
def usher(tonight: Event) -> Client:
    """A member of staff who may look at everything, of tonight's concert only."""
    user = User.objects.create(username="usher", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    EventAccess.objects.create(user=user, event=tonight)
    return client_of(user)


@pytest.fixture
def newcomer(db: None) -> Client:
    """A member of staff without any permission."""
    return client_of(User.objects.create(username="newcomer", is_staff=True))


class Statements(list[tuple[str, Any]]):
    """What reached the database through SQLAlchemy, with its values, and the count of both libraries."""

    orm: CaptureQueriesContext

    @property
    def statement_count(self) -> int:
        return len(self) + len(self.orm)


@contextmanager
def recorded() -> Iterator[Statements]:
    """Record the statements of both libraries while the block runs."""
    sent = Statements()

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append((statement, parameters))

    with ExitStack() as stack:
        sa.event.listen(get_engine(), "before_cursor_execute", note)
        stack.callback(sa.event.remove, get_engine(), "before_cursor_execute", note)
        sent.orm = stack.enter_context(CaptureQueriesContext(connection))
        yield sent


@pytest.fixture
def ask(db: None) -> Callable[..., Any]:
    """Run one statement beside the page, and return its only row, or its only value."""

    def run(statement: str, *values: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    return run
