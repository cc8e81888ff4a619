"""What is sampled during a spike: how many connections Postgres sees, and whether monitoring is answered."""

import http.client
import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Self

import sqlalchemy

from analytics.spike.connection import Connection
from core import db

CONNECTIONS_SECONDS = 0.05
HEALTH_SECONDS = 0.1
# Service processes only: this command's own connection has another name.
_COUNT = sqlalchemy.text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name LIKE 'turnstile:web:%' AND datname = current_database()
""")


class Sampler(threading.Thread):
    """Calls `sample` every `interval` seconds inside a `with` block, and once more at its end."""

    def __init__(self, sample: Callable[[], None], *, interval: float) -> None:
        super().__init__(daemon=True)
        self._sample = sample
        self._interval = interval
        self._done = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        """Sample, wait, sample again."""
        self._sample()
        while not self._done.wait(self._interval):
            self._sample()
        self._sample()


class ConnectionCount:
    """The most connections of the service that Postgres listed at once, and how many it listed last."""

    def __init__(self) -> None:
        self.most = self.latest = 0
        self.sample_count = 0

    def sample(self) -> None:
        """Ask Postgres once."""
        with db.get_engine().connect() as connection:
            self.latest = connection.execute(_COUNT).scalar_one()
        self.most = max(self.most, self.latest)
        self.sample_count += 1


class HealthAnswers:
    """What /health/db answered: `ok`, a reason, or `no answer`; and the slowest answer in milliseconds."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self._connection = Connection(url)

    def sample(self) -> None:
        """Ask the service once."""
        started = monotonic()
        try:
            _, answer = self._connection.ask("/health/db")
        except (OSError, http.client.HTTPException, ValueError):
            self.answers["no answer"] += 1
            return
        self.slowest = max(self.slowest, (monotonic() - started) * 1000)
        self.answers[answer.get("reason") or answer["status"]] += 1
