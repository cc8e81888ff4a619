"""
An evening to look at: three events, ticket sales of a month, an hour of people coming in.
"""

import math
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from django.apps import apps
from django.db import models

from analytics import qr, services
from analytics.models import Event, Gate
from analytics.tests.conftest import forged, ticket


class Show(NamedTuple):
    """One event: tickets sold a day, scans so far, and in how many minutes it starts."""

    event_id: str
    name: str
    zone: str
    currency: str
    price: Decimal
    per_day: int
    scan_count: int
    starts_in: int


_SHOWS = (
    Show("afrobeats-live", "Afrobeats Live", "Europe/London", "GBP", Decimal("38.50"), 46, 420, -50),
    Show("lodz-jazz", "Letni Jazz w Łodzi", "Europe/Warsaw", "PLN", Decimal("120.00"), 28, 170, -35),
    Show("late-comedy", "Late Comedy Night", "Europe/London", "GBP", Decimal("18.00"), 14, 24, 25),
)
_GATES = ("North gate", "South gate", "VIP entrance")


def make_evening(now: datetime, *, is_short: bool = False) -> None:
    """Fill the database as of `now`; the same every time."""
    random = Random(7)
    for show in _SHOWS:
        starts_at = now + timedelta(minutes=show.starts_in)
        event = Event.objects.create(
            event_id=show.event_id, name=show.name, timezone=show.zone, starts_at=starts_at
        )
        Gate.objects.bulk_create([Gate(event=event, name=gate) for gate in _GATES])
        _sell(random, show, now)
        _sell_to_the_missing(show, now)
        _come_in(random, show.event_id, show.scan_count // 6 if is_short else show.scan_count, now)
    _run_the_etl(now)


def model(name: str) -> type[models.Model]:
    """Return a model of the ETL, which reports never import."""
    return apps.get_model(name)


def _sell(random: Random, show: Show, now: datetime) -> None:
    days = [round(show.per_day * (0.5 + day / 30) * random.uniform(0.6, 1.4)) for day in range(30)]
    first = now.date() - timedelta(days=29)
    model("etl.DailyTicketSales")._default_manager.bulk_create(
        [
            model("etl.DailyTicketSales")(
                event_id=show.event_id,
                sale_date=first + timedelta(days=day),
                currency=show.currency,
                tickets_sold=count,
                revenue=count * show.price,
                row_count=count,
                last_updated=now,
            )
            for day, count in enumerate(days)
        ]
    )
    model("etl.EventSalesSummary")._default_manager.create(
        event_id=show.event_id,
        currency=show.currency,
        event_name=show.event_id,
        total_tickets=sum(days),
        total_revenue=sum(days) * show.price,
        row_count=sum(days),
        last_updated=now,
    )


def _sell_to_the_missing(show: Show, now: datetime) -> None:
    """Sell tickets to people who never come."""
    sale = model("etl.RawSale")
    sale._default_manager.bulk_create(
        [
            sale(
                source="box office",
                sale_id=f"{show.event_id}-{7000 + number}",
                event_id=show.event_id,
                kind="sale",
                quantity=1,
                amount=show.price,
                currency=show.currency,
                ticket_id=f"{show.event_id}-{9000 + number}",
                sale_date=now.date() - timedelta(days=number % 30),
            )
            for number in range(40)
        ]
    )


def _come_in(random: Random, event_id: str, count: int, now: datetime) -> None:
    """Let people come, most of them half an hour ago; some twice, some with what is no ticket."""
    for number in range(count):
        is_early = random.random() < 0.2
        minutes = random.uniform(60, 330) if is_early else min(58.0, abs(random.gauss(22, 13)))
        at = now - timedelta(minutes=minutes, seconds=random.uniform(0, 50))
        gate = random.choices(_GATES, weights=(5, 3, 1))[0]
        _scan(ticket(f"{event_id}-{number:04}", event=event_id), gate, at)
        if random.random() < 0.04:
            _scan(ticket(f"{event_id}-{number:04}", event=event_id), "South gate", at + timedelta(seconds=40))
        if random.random() < 0.03:
            text = forged(f"{event_id}-x{number}", event=event_id) if math.fmod(number, 3) else "not a ticket"
            _scan(text, gate, at)


def _scan(text: str, gate: str, at: datetime) -> None:
    services.record_scan(
        reading=qr.read(text),
        scan_id=uuid.uuid4(),
        gate=gate,
        scanner_id=f"{gate} 1",
        scanned_at=at,
        received_at=at,
    )


def _run_the_etl(now: datetime) -> None:
    run: dict[str, Any] = {"source": "box office", "mode": "incremental", "outcome": "done"}
    began = now - timedelta(minutes=12)
    model("etl.Run")._default_manager.create(
        **run, started_at=began, finished_at=began + timedelta(seconds=8)
    )
