"""One spike from start to end: clients and samplers together, and the verdict."""

from dataclasses import dataclass
from time import monotonic

from analytics.spike.clients import Client, Tally
from analytics.spike.sampling import (
    CONNECTIONS_SECONDS,
    HEALTH_SECONDS,
    ConnectionCount,
    HealthAnswers,
    Sampler,
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a spike showed. `bound` is the most connections that the service may have."""

    tally: Tally
    connections: ConnectionCount
    health: HealthAnswers
    bound: int
    seconds: float

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


def run(*, url: str, service_key: str, client_count: int, seconds: float, bound: int) -> Result:
    """Send requests to `url` for `seconds`, with `client_count` clients that each wait for their answers."""
    connections, health = ConnectionCount(), HealthAnswers(url)
    started = monotonic()
    clients = [
        Client(number, url=url, service_key=service_key, until=started + seconds)
        for number in range(client_count)
    ]
    with (
        Sampler(connections.sample, interval=CONNECTIONS_SECONDS),
        Sampler(health.sample, interval=HEALTH_SECONDS),
    ):
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    tally = Tally()
    for client in clients:
        tally.add(client.tally)
    return Result(
        tally=tally, connections=connections, health=health, bound=bound, seconds=monotonic() - started
    )
