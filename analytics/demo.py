"""
The demo event: what `make run` shows, and what `demo_spike` sends its requests for.

Seeding again changes nothing but the evening: "tonight" is always the coming one.
"""

import json
from datetime import datetime
from pathlib import Path

from django.contrib.auth import get_user_model

from analytics import qr
from analytics.models import Event, Gate
from analytics.tonight import EVENT_ID, GATES, NAME, TICKET_COUNT, evening, ticket_id

__all__ = ["EVENT_ID", "GATES", "TICKET_COUNT", "seed_admin", "seed_event", "sign_ticket", "write_tickets"]

ADMIN = "admin"


def seed_event(*, now: datetime) -> Event:
    """Make the event with its gates, from 20:00 to 23:00 UTC on the day of `now`."""
    starts_at, ends_at = evening(now)
    event, _ = Event.objects.update_or_create(
        event_id=EVENT_ID, defaults={"name": NAME, "starts_at": starts_at, "ends_at": ends_at}
    )
    for name in GATES:
        Gate.objects.get_or_create(event=event, name=name)
    return event


def seed_admin(*, password: str) -> bool:
    """Make the user `admin` unless there is one; return whether `password` opens the admin."""
    users = get_user_model().objects
    found = users.filter(username=ADMIN).first()
    if found is None:
        users.create_superuser(username=ADMIN, password=password)
        return True
    return found.check_password(password)


def write_tickets(path: Path) -> None:
    """Write TICKET_COUNT request bodies for /validate-qr, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(ticket(number))}\n" for number in range(1, TICKET_COUNT + 1)))


def ticket(number: int) -> dict[str, str]:
    """Return the request that shows ticket `number` at the north gate."""
    return {"qr_text": sign_ticket(ticket_id(number)), "gate": GATES[0]}


def sign_ticket(ticket_id: str) -> str:
    """Return the text in the code of a genuine ticket of the demo event."""
    return qr.sign({"ticket_id": ticket_id, "event": EVENT_ID, "user": f"guest-of-{ticket_id}"})
