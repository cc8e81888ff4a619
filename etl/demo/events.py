"""
The events that the demo's upstream sells: in three currencies, and in time zones all over the Earth.
"""

from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from analytics import tonight


class DemoEvent(NamedTuple):
    """One event; `price` in hundredths of `currency`, `days_ahead` of today, `weight`: how well it sells."""

    event_id: str
    name: str
    timezone: str
    currency: str
    price: int
    days_ahead: int
    weight: int


# What everybody looks at first is the event whose tickets `make run` has signed.
TONIGHT = DemoEvent(tonight.EVENT_ID, tonight.NAME, "UTC", "EUR", 3900, 0, 0)
EVENTS = (
    DemoEvent("harbour-nights", "Harbour Nights", "Europe/Berlin", "EUR", 4550, 3, 9),
    DemoEvent("brass-in-the-park", "Brass in the Park", "Europe/Berlin", "EUR", 1800, 5, 4),
    DemoEvent("lisbon-fado-week", "Lisbon Fado Week", "Europe/Lisbon", "EUR", 3200, 8, 5),
    DemoEvent("seine-open-air", "Seine Open Air", "Europe/Paris", "EUR", 5900, 11, 8),
    DemoEvent("vienna-chamber", "Vienna Chamber Evenings", "Europe/Vienna", "EUR", 7200, 15, 3),
    DemoEvent("polar-light-festival", "Polar Light Festival", "Europe/Helsinki", "EUR", 8900, 21, 6),
    DemoEvent("canary-carnival", "Canary Carnival", "Atlantic/Canary", "EUR", 2750, 28, 4),
    DemoEvent("camden-sessions", "Camden Sessions", "Europe/London", "GBP", 2200, 2, 7),
    DemoEvent("thames-proms", "Thames Proms", "Europe/London", "GBP", 5400, 9, 6),
    DemoEvent("fringe-late-show", "Fringe Late Show", "Europe/London", "GBP", 1650, 13, 5),
    DemoEvent("belfast-folk", "Belfast Folk Weekend", "Europe/London", "GBP", 4100, 34, 3),
    DemoEvent("brooklyn-block-party", "Brooklyn Block Party", "America/New_York", "USD", 3500, 4, 8),
    DemoEvent("bayou-blues", "Bayou Blues", "America/Chicago", "USD", 2900, 10, 5),
    DemoEvent("red-rock-rodeo", "Red Rock Rodeo", "America/Phoenix", "USD", 6400, 17, 4),
    DemoEvent("sunset-arena", "Sunset Arena Tour", "America/Los_Angeles", "USD", 9850, 25, 9),
    DemoEvent("island-ukulele", "Island Ukulele Days", "Pacific/Honolulu", "USD", 2100, 40, 2),
    DemoEvent("afrobeats-live", "Afrobeats Live", "Africa/Lagos", "USD", 2500, 7, 9),
    DemoEvent("himalaya-jazz", "Himalaya Jazz", "Asia/Kathmandu", "USD", 1500, 30, 2),
    DemoEvent("first-light", "First Light of the Year", "Pacific/Kiritimati", "USD", 12000, 60, 2),
)


def listed(today: date) -> list[dict[str, Any]]:
    """Return all events as the upstream lists them on `today`, each the same number of days ahead."""
    midnight = datetime.combine(today, time(), ZoneInfo("UTC"))
    return [_listed(event, midnight) for event in (TONIGHT, *EVENTS)]


def _listed(event: DemoEvent, midnight: datetime) -> dict[str, Any]:
    day = (midnight + timedelta(days=event.days_ahead)).replace(tzinfo=ZoneInfo(event.timezone))
    starts_at, ends_at = tonight.evening(day)
    return {
        "id": event.event_id,
        "name": event.name,
        "timezone": event.timezone,
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "updated_at": midnight.isoformat(),
    }
