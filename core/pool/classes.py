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
from typing import Any, NamedTuple, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

_current: ContextVar[str] = ContextVar("class of borrowers", default="")


class BorrowerClass(NamedTuple):
    """
    One class of a pool.

    Attributes:
        name: as `run_as` calls it; empty in a pool without classes.
        rank: 0 comes first.
        places: how many connections it and the classes below it may have at once; None for all.
        timeout: how long one of it waits, in seconds; None for as long as the pool says.
        limits: each limit that it is under, its own and those above: (rank, places).
        fewest: the tightest of them, in places; None without any.
    """

    name: str
    rank: int
    places: int | None
    timeout: float | None
    limits: tuple[tuple[int, int], ...]
    fewest: int | None


# Of a pool without classes; and of connections that a pool has itself, which are nobody's share.
EVERYBODY = BorrowerClass("", 0, None, None, (), None)
NOBODY = EVERYBODY._replace(rank=-1)


class Classes:
    """
    The classes of one pool, the first one first.

    Args:
        options: by name, in order: `{"gate": {"timeout": 2}, "staff": {"places": 12, "timeout": 5}}`.
        default: the class of those who were called by no `run_as`, or for a class that this pool has not;
            the last one unless given.

    Raises:
        TypeError, ValueError: an option or `default` is unknown, or a number of places is none.
    """

    def __init__(self, options: Mapping[str, Mapping[str, Any]] | None, default: str | None = None) -> None:
        self._by_name = {made.name: made for made in _made(options or {})}
        if default is not None and default not in self._by_name:
            raise ValueError(f"default_class {default!r} is none of the classes: {', '.join(self._by_name)}")
        last = next(reversed(self._by_name.values()), EVERYBODY)
        self._default = last if default is None else self._by_name[default]

    def __iter__(self) -> Iterator[BorrowerClass]:
        """The classes, the first one first; none in a pool that treats everybody alike."""
        return iter(self._by_name.values())

    def name_of(self, rank: int) -> str:
        """Return the name of the class of this rank."""
        return next(each.name for each in self if each.rank == rank)

    def current(self) -> BorrowerClass:
        """Return the class of the code that runs now."""
        return self._by_name.get(_current.get(), self._default)


def _made(options: Mapping[str, Mapping[str, Any]]) -> Iterable[BorrowerClass]:
    limits: tuple[tuple[int, int], ...] = ()
    for rank, (name, values) in enumerate(options.items()):
        if unknown := values.keys() - {"places", "timeout"}:
            raise TypeError(f"class {name!r} of borrowers has no option {', '.join(sorted(unknown))}")
        places = values.get("places")
        if places is not None:
            if places < 1:
                raise ValueError(f"class {name!r} of borrowers needs at least one place, not {places}")
            limits = (*limits, (rank, places))
        fewest = min((each for _, each in limits), default=None)
        yield BorrowerClass(name, rank, places, values.get("timeout"), limits, fewest)


def run_as(
    name: str, call: Callable[Arguments, Answer], /, *arguments: Arguments.args, **named: Arguments.kwargs
) -> Answer:
    """Call `call` as a borrower of class `name`, and return its answer."""
    token = _current.set(name)
    try:
        return call(*arguments, **named)
    finally:
        _current.reset(token)


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
