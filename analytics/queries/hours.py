"""
How many scans there were in each hour of a day.
"""

from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from analytics.facts import HourTotal
from analytics.models import Scan
from core import db
from core.tables import table_for


def scans_per_hour(*, event_id: str, day: date) -> list[HourTotal]:
    """Count the scans received in each hour of a UTC day: always 24, from hour 0. One statement."""
    scans = table_for(Scan)
    midnight = sa.literal(datetime.combine(day, time(), tzinfo=UTC), sa.DateTime(timezone=True))
    hour = sa.cast(sa.func.extract("hour", scans.c.received_at.op("AT TIME ZONE")("UTC")), sa.Integer)
    counted = (
        sa.select(hour.label("hour"), sa.func.count().label("scan_count"))
        .where(scans.c.event_id == event_id, scans.c.received_at >= midnight)
        # Postgres adds the day: Python's calendar ends in the year 9999.
        .where(scans.c.received_at < midnight + timedelta(days=1))
        .group_by(hour)
    )
    with db.get_engine().connect() as connection:
        counts = {row.hour: row.scan_count for row in connection.execute(counted)}
    return [HourTotal(hour=hour, scan_count=counts.get(hour, 0)) for hour in range(24)]
