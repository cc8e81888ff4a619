"""
The clients of a spike: each thread is one gate's scanner, with one connection that it keeps open.

The standard library's client, because it is cheap: both sides of the demo share this machine's cores.
"""

import http.client
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from analytics.spike.scan_requests import ScanRequest, scan_requests

ANSWER_SECONDS = 60.0


@dataclass
class Tally:
    """What one client, or all of them, saw. Latencies in milliseconds."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add what another client saw."""
        self.outcomes += other.outcomes
        self.faults += other.faults
        self.latencies += other.latencies

    @property
    def request_count(self) -> int:
        """Requests sent, answered or not."""
        return self.outcomes.total() + self.faults.total()

    def percentile(self, percent: int) -> float:
        """Return the latency that `percent` of the answers did not exceed; 0.0 without answers."""
        ordered = sorted(self.latencies)
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


class Connection:
    """A keep-alive connection to the service that opens again after a failure."""

    def __init__(self, url: str, *, timeout: float = ANSWER_SECONDS) -> None:
        parts = urlsplit(url)
        self._http = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """
        Send one request and read its answer.

        Raises:
            OSError, http.client.HTTPException: no answer came.
            ValueError: the answer is not JSON.

        """
        try:
            self._http.request(method, path, body, {"Content-Type": "application/json", **headers})
            response = self._http.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException):
            self._http.close()
            raise

    def close(self) -> None:
        """Close the socket."""
        self._http.close()


class Client(threading.Thread):
    """One scanner: sends, waits for the answer, judges it, until `until` on the monotonic clock."""

    def __init__(self, number: int, *, url: str, service_key: str, until: float) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.tally = Tally()
        self._number = number
        self._connection = Connection(url)
        self._headers = {"X-Service-Key": service_key}
        self._until = until

    def run(self) -> None:
        """Send requests until the time is up."""
        for request in scan_requests(self._number):
            if monotonic() >= self._until:
                break
            self._send(request)
        self._connection.close()

    def _send(self, request: ScanRequest) -> None:
        started = monotonic()
        try:
            status, answer = self._connection.ask("POST", "/validate-qr", request.body, **self._headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.tally.faults[f"no answer: {type(error).__name__}"] += 1
            return
        self.tally.latencies.append((monotonic() - started) * 1000)
        fault = request.fault(status, answer)
        if fault:
            self.tally.faults[fault] += 1
        else:
            self.tally.outcomes[request.kind.value] += 1
