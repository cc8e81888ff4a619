"""The cast: tonight's event, its north and south gate, and Ada's ticket."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
import sqlalchemy as sa
from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.test import Client

from analytics import qr, services
from analytics.facts import InvalidAttemptFact, Recorded, ScanResult, TransferFact
from analytics.models import COUNT_NAMES, Event, EventCounter, Gate
from core.db import get_engine
from core.engine.creator import shared_pool
from core.pool import SharedPool
from core.tests.fixtures import held

TONIGHT = "Afrobeats Live 2025"
NORTH, SOUTH = "north gate", "south gate"
EIGHT = datetime(2025, 6, 1, 20, 0, tzinfo=UTC)


@pytest.fixture
def tonight(db: None) -> Event:
    """Tonight's event, with its two gates."""
    event = Event.objects.create(event_id=TONIGHT, name=TONIGHT)
    Gate.objects.bulk_create(Gate(event=event, name=name) for name in (NORTH, SOUTH))
    return event


def ticket(ticket_id: str = "TKT-001", *, event: str = TONIGHT) -> str:
    """Return the text in the code of a signed ticket; without arguments, of Ada's."""
    return qr.sign({"ticket_id": ticket_id, "event": event, "user": "ada"})


def forged(ticket_id: str = "TKT-001", *, event: str = TONIGHT) -> str:
    """Return the same with a signature that somebody made up."""
    return json.dumps({**json.loads(ticket(ticket_id, event=event)), "sig": "0" * 64})


def scan(
    qr_text: str | None = None, *, gate: str = NORTH, scan_id: uuid.UUID | None = None, minutes: int = 0
) -> ScanResult:
    """Record a scan of `qr_text` (Ada's ticket), `minutes` after eight."""
    at = EIGHT + timedelta(minutes=minutes)
    return services.record_scan(
        reading=qr.read(ticket() if qr_text is None else qr_text),
        scan_id=scan_id or uuid.uuid4(),
        gate=gate,
        scanner_id="scanner 1",
        scanned_at=at,
        received_at=at,
    )


def transfer_fact(*, at: datetime = EIGHT, **changes: Any) -> TransferFact:
    """Return the fact that Ada gave her ticket to Ben."""
    fields: dict[str, Any] = {
        "transfer_id": uuid.uuid4(),
        "event_id": TONIGHT,
        "ticket_id": "TKT-001",
        "from_user": "ada",
        "to_user": "ben",
        "is_successful": True,
        "reason": "",
        "transferred_at": at,
    }
    return TransferFact(**{**fields, **changes}, received_at=at)


def transfer(*, minutes: int = 0, **changes: Any) -> Recorded[TransferFact]:
    """Record that Ada gave her ticket to Ben, `minutes` after eight."""
    at = EIGHT + timedelta(minutes=minutes)
    return services.record_transfer(transfer=transfer_fact(at=at, **changes))


def invalid_attempt(*, minutes: int = 0, **changes: Any) -> Recorded[InvalidAttemptFact]:
    """Record that somebody showed a screenshot at the north gate, `minutes` after eight."""
    at = EIGHT + timedelta(minutes=minutes)
    fields: dict[str, Any] = {
        "attempt_id": uuid.uuid4(),
        "event_id": TONIGHT,
        "ticket_id": "TKT-001",
        "reason": "screenshot",
        "detail": "",
        "gate": NORTH,
        "scanner_id": "",
        "scan_id": None,
        "attempted_at": at,
    }
    return services.record_invalid_attempt(
        attempt=InvalidAttemptFact(**{**fields, **changes}, received_at=at)
    )


def counts(event_id: str = TONIGHT) -> dict[str, int]:
    """Return the counters of an event that are not zero, summed over days and shards."""
    shards = EventCounter.objects.filter(event_id=event_id)
    sums = shards.aggregate(**{name: Sum(name) for name in COUNT_NAMES})
    return {name: value for name, value in sums.items() if value}


class Call(Protocol):
    # Any: the test client's answers have more than HttpResponse, such as json().
    def __call__(self, path: str, headers: dict[str, str] | None = None, /, **body: Any) -> Any: ...


@pytest.fixture
def device() -> Client:
    """A gate scanner that sends the service's key."""
    return Client(headers={"x-service-key": settings.SERVICE_API_KEY})


@pytest.fixture
def post(device: Client) -> Call:
    """Send a JSON body."""

    def send(path: str, headers: dict[str, str] | None = None, /, **body: Any) -> Any:
        return device.post(path, body, content_type="application/json", headers=headers)

    return send


@pytest.fixture
def get(device: Client) -> Call:
    """Ask with a query string."""

    def ask(path: str, headers: dict[str, str] | None = None, /, **query: Any) -> Any:
        return device.get(path, query, headers=headers)

    return ask


@pytest.fixture
def statements_sent() -> Iterator[Callable[[], list[str]]]:
    """Count the statements that reach the database through either library, but for savepoints."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    def wrap(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        if "SAVEPOINT" not in statement:
            sent.append(statement)
        return execute(statement, *rest)

    sa.event.listen(get_engine(), "before_cursor_execute", note)
    with connection.execute_wrapper(wrap):
        yield lambda: sent
    sa.event.remove(get_engine(), "before_cursor_execute", note)


@contextmanager
def borrow_all_but(count: int) -> Iterator[None]:
    """Leave the pool `count` connections to lend; another thread, busy with other things, holds the rest."""
    pool = shared_pool()
    with held(pool, pool.max_size - count):
        yield


@pytest.fixture
def impatient_pool(django_pool: SharedPool, monkeypatch: pytest.MonkeyPatch) -> SharedPool:
    """The service's pool on the test database, which nobody borrowed from, and which gives up soon."""
    monkeypatch.setattr(django_pool, "timeout", 0.2)
    return django_pool
