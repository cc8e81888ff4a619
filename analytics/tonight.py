"""
The demo event's names and numbers, for whoever shows it or sells it. Needs no database and no settings.
"""

from datetime import datetime, time, timedelta

EVENT_ID = "tonight"
NAME = "Tonight's concert"
GATES = ("north", "south")
TICKET_COUNT = 200


def ticket_id(number: int) -> str:
    """Return the id of ticket `number`, from 1 to TICKET_COUNT."""
    return f"TONIGHT-{number:03}"


def evening(now: datetime) -> tuple[datetime, datetime]:
    """Return when the event begins and ends on the day of `now`, in the zone of `now`."""
    starts_at = datetime.combine(now.date(), time(20), tzinfo=now.tzinfo)
    return starts_at, starts_at + timedelta(hours=3)
