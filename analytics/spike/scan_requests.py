"""
What a spike sends, and what a right answer to it is.

Every client shows new tickets, shows some of them again, and tries forged ones. Each request knows which
answer is right, so a service that answers fast but wrongly fails the spike.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from analytics import demo


class Kind(StrEnum):
    """What is shown at the gate; the value is the outcome that is right for it."""

    FRESH = "admitted"
    AGAIN = "duplicate"
    FORGED = "refused"


# Out of a hundred requests.
AGAIN_PERCENT = 10
FORGED_PERCENT = 5


@dataclass(frozen=True)
class ScanRequest:
    """One request: its body, and the kind that decides which answer is right."""

    kind: Kind
    body: bytes

    def fault(self, status: int, answer: dict[str, Any]) -> str:
        """Return what is wrong with the answer, or "" when it is right."""
        if status != HTTPStatus.OK:
            return f"status {status}"
        is_genuine = self.kind is not Kind.FORGED
        if answer.get("isValid") is not is_genuine:
            return f"isValid={answer.get('isValid')} for a {'genuine' if is_genuine else 'forged'} ticket"
        if answer.get("outcome") != self.kind.value:
            return f"{answer.get('outcome')} instead of {self.kind.value}"
        return ""


def scan_requests(client: int) -> Iterator[ScanRequest]:
    """Yield requests without end. A ticket is shown again only after its first answer was read."""
    # Repeatable, and not a secret.
    generator = random.Random(client)
    admitted = ""
    while True:
        percent = generator.randrange(100)
        if percent < FORGED_PERCENT:
            yield _request(Kind.FORGED, _forged())
        elif admitted and percent < FORGED_PERCENT + AGAIN_PERCENT:
            yield _request(Kind.AGAIN, admitted)
        else:
            fresh = demo.sign_ticket(f"SPIKE-{uuid4().hex}")
            yield _request(Kind.FRESH, fresh)
            admitted = fresh


def fresh_requests() -> Iterator[ScanRequest]:
    """Yield requests without end, each for a ticket that nobody showed before."""
    while True:
        yield _request(Kind.FRESH, demo.sign_ticket(f"SPIKE-{uuid4().hex}"))


def _forged() -> str:
    payload = json.loads(demo.sign_ticket(f"FORGED-{uuid4().hex}"))
    return json.dumps({**payload, "user": "somebody-else"})


def _request(kind: Kind, qr_text: str) -> ScanRequest:
    body = {"qr_text": qr_text, "scan_id": str(uuid4()), "gate": demo.GATES[0], "scanner_id": "demo-spike"}
    return ScanRequest(kind, json.dumps(body).encode())
