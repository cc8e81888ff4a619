"""
Classes of borrowers: who comes first, how many connections each may have, and how long each waits.

A pool without classes treats everybody alike. With classes, places are kept for those at the top: the
connections of a class and of all below it, together, never exceed its `places`. So whatever the lower ones
hold, and for however long, one of the higher classes finds a place.

The class comes from where the work enters: a request's address, a command, a job. That code calls the rest by
`run_as`, so the class ends with the call: no generator, thread or task can carry it away.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from math import inf
from types import MappingProxyType
from typing import Any, NamedTuple, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

# Postgres' own names, and the version from which on it knows one: the server's `server_version_num`.
TIME_LIMITS = (
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
)
SINCE = {"transaction_timeout": 170_000}
NEWEST = max(SINCE.values())

# What a session's limits are that somebody else may have set: unlike all others.
UNKNOWN = -1.0

_current: ContextVar[str] = ContextVar("class of borrowers", default="")
# Each loan asks: bound once, it takes half the time.
_name = _current.get
_waits_until: ContextVar[float] = ContextVar("when the borrower gives up", default=inf)


class BorrowerClass(NamedTuple):
    """
    One class of a pool.

    Attributes:
        name: as `run_as` calls it; empty in a pool without classes.
        rank: 0 comes first.
        places: how many connections it and the classes below it may have at once; None for all.
        timeout: how long one of it waits, in seconds; None for as long as the pool says.
        time_limits: what it may take of the server's time: settings of Postgres, by name, in seconds.
        begins: what sets these for one transaction, behind its BEGIN; empty where the session has them. The
            first one for a server that is older than NEWEST, the second one for the others.
        limits: each limit that it is under, its own and those above: (rank, places).
        fewest: the tightest of them, in places; None without any.
    """

    name: str
    rank: int
    places: int | None
    timeout: float | None
    time_limits: Mapping[str, float]
    begins: tuple[bytes, bytes]
    limits: tuple[tuple[int, int], ...]
    fewest: int | None


# Of a pool without classes; and of connections that a pool has itself, which are nobody's share.
EVERYBODY = BorrowerClass("", 0, None, None, {}, (b"", b""), (), None)
NOBODY = EVERYBODY._replace(rank=-1)


class Classes:
    """
    The classes of one pool, the first one first.

    Args:
        options: by name, in order: `{"gate": {"timeout": 2}, "staff": {"places": 12, "timeout": 5}}`; in
            `time_limits` some of TIME_LIMITS, in seconds, 0 for none.
        keeps_session: whether what is set for a session is there in the next transaction. Where it is not,
            each transaction sets all limits of its class.
        default: the class of those who were called by no `run_as`, or for a class that this pool has not;
            the last one unless given.

    Raises:
        TypeError, ValueError: an option or `default` is unknown, or a number of places is none.
    """

    def __init__(
        self,
        options: Mapping[str, Mapping[str, Any]] | None,
        default: str | None = None,
        *,
        keeps_session: bool = True,
    ) -> None:
        options = options or {}
        if default is None:
            default = next(reversed(list(options)), EVERYBODY.name)
        elif default not in options:
            raise ValueError(f"default_class {default!r} is none of the classes: {', '.join(options)}")
        # Of each session, from its start: most work is the default class's, and says nothing about it.
        of_default = _checked(default, options.get(default, {}).get("time_limits", {}))
        self.of_a_session = of_default if keeps_session else {}
        known = of_default if keeps_session else dict.fromkeys(TIME_LIMITS, UNKNOWN if options else 0.0)
        self._by_name = {made.name: made for made in _made(options, known)}
        self._default = self._by_name.get(default, EVERYBODY)

    def __iter__(self) -> Iterator[BorrowerClass]:
        """The classes, the first one first; none in a pool that treats everybody alike."""
        return iter(self._by_name.values())

    def name_of(self, rank: int) -> str:
        """Return the name of the class of this rank."""
        return next(each.name for each in self if each.rank == rank)

    def current(self) -> BorrowerClass:
        """Return the class of the code that runs now."""
        return self._by_name.get(_name(), self._default)


def _made(
    options: Mapping[str, Mapping[str, Any]], of_a_session: Mapping[str, float]
) -> Iterable[BorrowerClass]:
    limits: tuple[tuple[int, int], ...] = ()
    for rank, (name, values) in enumerate(options.items()):
        if unknown := values.keys() - {"places", "timeout", "time_limits"}:
            raise TypeError(f"class {name!r} of borrowers has no option {', '.join(sorted(unknown))}")
        places = values.get("places")
        if places is not None:
            if places < 1:
                raise ValueError(f"class {name!r} of borrowers needs at least one place, not {places}")
            limits = (*limits, (rank, places))
        fewest = min((each for _, each in limits), default=None)
        time_limits = _checked(name, values.get("time_limits", {}))
        older, newer = (
            settings_of(time_limits, version=version, unlike=of_a_session, scope=b"LOCAL ")
            for version in (NEWEST - 1, NEWEST)
        )
        timeout = values.get("timeout")
        yield BorrowerClass(name, rank, places, timeout, time_limits, (older, newer), limits, fewest)


def _checked(name: str, time_limits: Mapping[str, float]) -> Mapping[str, float]:
    if unknown := set(time_limits) - set(TIME_LIMITS):
        raise TypeError(f"class {name!r} of borrowers has no time limit {', '.join(sorted(unknown))}")
    return time_limits


def settings_of(
    time_limits: Mapping[str, float],
    *,
    version: int,
    unlike: Mapping[str, float] = MappingProxyType({}),
    scope: bytes = b"",
) -> bytes:
    """
    Return what sets the time limits, but for those that are as in `unlike`; each statement after a `;`.

    `version` is the server's: what it does not know yet is left out.
    """
    changed = {
        name: time_limits.get(name, 0.0)
        for name in TIME_LIMITS
        if version >= SINCE.get(name, 0) and time_limits.get(name, 0.0) != unlike.get(name, 0.0)
    }
    return b"".join(
        b"; SET %s%s = %d" % (scope, name.encode(), round(seconds * 1000))
        for name, seconds in changed.items()
    )


def run_as(
    name: str, call: Callable[Arguments, Answer], /, *arguments: Arguments.args, **named: Arguments.kwargs
) -> Answer:
    """Call `call` as a borrower of class `name`, and return its answer."""
    token = _current.set(name)
    try:
        return call(*arguments, **named)
    finally:
        _current.reset(token)


def run_until(
    at: float, call: Callable[Arguments, Answer], /, *arguments: Arguments.args, **named: Arguments.kwargs
) -> Answer:
    """Call `call`, which waits for no connection after `at`, in monotonic seconds; return its answer."""
    token = _waits_until.set(at)
    try:
        return call(*arguments, **named)
    finally:
        _waits_until.reset(token)


def waits_until() -> float:
    """Return when the code that runs now gives up waiting for a connection, in monotonic seconds."""
    return _waits_until.get()


class Room:
    """What is lent at one moment, by class: it tells who may have one more."""

    def __init__(self, lent: Iterable[BorrowerClass]) -> None:
        self._ranks = [each.rank for each in lent]
        self._found: dict[int, tuple[int, int] | None] = {}

    def lent(self, rank: int = 0) -> int:
        """Return how many connections the class of this rank and those below it have."""
        return sum(each >= rank for each in self._ranks)

    def limit_reached(self, borrower_class: BorrowerClass) -> tuple[int, int] | None:
        """Return the limit, (rank, places), that keeps one more from this class; None when none does."""
        if not borrower_class.limits:
            return None
        rank = borrower_class.rank
        if rank not in self._found:
            reached = (each for each in borrower_class.limits if self.lent(each[0]) >= each[1])
            self._found[rank] = next(reached, None)
        return self._found[rank]

    def is_left_for(self, borrower_class: BorrowerClass) -> bool:
        """Tell whether one of this class may have one more."""
        return self.limit_reached(borrower_class) is None

    def take(self, borrower_class: BorrowerClass) -> None:
        """Count one more."""
        self._ranks.append(borrower_class.rank)
        self._found.clear()
