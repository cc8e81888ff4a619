"""One spike from start to end: clients and samplers together, and the verdict."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from analytics.spike import clients
from analytics.spike.alternatives import Alternative
from analytics.spike.course import Course
from analytics.spike.sampling import (
    CONNECTIONS_SECONDS,
    HEALTH_SECONDS,
    ConnectionCount,
    HealthAnswers,
    Sampler,
)
from analytics.spike.tally import Tally

Follow = Callable[[Course], None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a spike showed."""

    course: Course
    connections: ConnectionCount
    health: HealthAnswers

    @property
    def bound(self) -> int:
        """The most connections that the service may have."""
        return self.course.bound

    @property
    def tally(self) -> Tally:
        """What the clients saw."""
        return self.course.total

    def faults(self) -> list[str]:
        """Return what went wrong, as text; an empty list is success."""
        found = [f"{count} requests failed: {fault}" for fault, count in self.tally.faults.most_common()]
        if not self.tally.request_count:
            found.append("no request was sent")
        if not self.connections.most:
            found.append("Postgres listed no connection of the service: does it use this DATABASE_URL?")
        if self.connections.most > self.bound:
            found.append(
                f"Postgres saw {self.connections.most} connections, more than the bound of {self.bound}"
            )
        if unanswered := self.health.answers["no answer"]:
            found.append(f"/health/db left {unanswered} requests without an answer")
        return found


@dataclass(frozen=True, kw_only=True)
class Spike:
    """
    What is sent.

    Attributes:
        service_key: for the API.
        client_count: clients, each with a connection of its own, that wait for their answers.
        seconds: how long they send.
        is_mixed: some tickets are shown again, and some forged ones are shown, not only new ones.
    """

    service_key: str
    client_count: int
    seconds: float
    is_mixed: bool = True

    def on_the_service(self, url: str, *, bound: int, follow: Follow = lambda _: None) -> Result:
        """Send to the service at `url`, which may have `bound` connections; `follow` sees how it goes."""
        connections, health = ConnectionCount(), HealthAnswers(url)
        course = Course("Turnstile", bound)
        with ExitStack() as samplers:
            samplers.enter_context(Sampler(connections.sample, interval=CONNECTIONS_SECONDS))
            samplers.enter_context(Sampler(health.sample, interval=HEALTH_SECONDS))
            self._send(url, course, lambda: connections.latest, follow)
        return Result(course=course, connections=connections, health=health)

    def on_another(self, name: str, other: Alternative, follow: Follow) -> None:
        """Send to an alternative; `follow` sees how it goes."""
        course = Course(name, other.bound)
        self._send(other.url, course, lambda: other.connections, follow)

    def _send(self, url: str, course: Course, connections: Callable[[], int], follow: Follow) -> None:
        def on_progress(tally: Tally, at: float) -> None:
            course.add(tally, at=at, connections=connections())
            follow(course)

        clients.send(
            url=url,
            service_key=self.service_key,
            clients=self.client_count,
            seconds=self.seconds,
            is_mixed=self.is_mixed,
            on_progress=on_progress,
        )
