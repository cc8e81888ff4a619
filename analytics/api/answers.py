"""
What the API answers when it cannot serve a request.
"""

from typing import Any, Literal

from ninja import Schema
from pydantic import Field

from core import db


class Problem(Schema):
    """What is wrong, and what to do."""

    detail: str


class InvalidField(Schema):
    """One field that cannot be accepted."""

    loc: list[str | int] = Field(description="where: body or query, then the field")
    msg: str
    type: str


class Invalid(Schema):
    """Every field that cannot be accepted."""

    detail: list[InvalidField]


class Unavailable(Schema):
    """The service cannot serve this now: send the same request again after Retry-After seconds."""

    status: str
    # too_late: its deadline has passed. overloaded: too many wait already.
    reason: db.Reason | Literal["too_late", "overloaded"]


# Every endpoint may answer these.
FAULTS: dict[int, Any] = {
    400: Problem,
    401: Problem,
    408: Problem,
    411: Problem,
    413: Problem,
    422: Invalid,
    503: Unavailable,
}
