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
class Shot:
    """One request: its body, and the kind that tells the right answer."""

    kind: Kind
    body: bytes

    def fault(self, status: int, answer: dict[str, Any]) -> str:
        """Return what is wrong with the answer, or "" when it is right."""
        if status != 200:  # noqa: PLR2004 - HTTP's OK
            return f"status {status}"
        is_genuine = self.kind is not Kind.FORGED
        if answer.get("isValid") is not is_genuine:
            return f"isValid={answer.get('isValid')} for a {'genuine' if is_genuine else 'forged'} ticket"
        if answer.get("outcome") != self.kind.value:
            return f"{answer.get('outcome')} instead of {self.kind.value}"
        return ""


def shots(client: int) -> Iterator[Shot]:
    """Yield requests without end. A ticket is shown again only after its first answer was read."""
    # Repeatable, and not a secret.
    dice = random.Random(client)
    admitted = ""
    while True:
        roll = dice.randrange(100)
        if roll < FORGED_PERCENT:
            yield _shot(Kind.FORGED, _forged())
        elif admitted and roll < FORGED_PERCENT + AGAIN_PERCENT:
            yield _shot(Kind.AGAIN, admitted)
        else:
            fresh = demo.sign_ticket(f"SPIKE-{uuid4().hex}")
            yield _shot(Kind.FRESH, fresh)
            admitted = fresh


def _forged() -> str:
    payload = json.loads(demo.sign_ticket(f"FORGED-{uuid4().hex}"))
    return json.dumps({**payload, "user": "somebody-else"})


def _shot(kind: Kind, qr_text: str) -> Shot:
    body = {"qr_text": qr_text, "scan_id": str(uuid4()), "gate": demo.GATES[0], "scanner_id": "demo-spike"}
    return Shot(kind, json.dumps(body).encode())
