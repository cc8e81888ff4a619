"""
`OPTIONS["pool"]`: psycopg_pool's options, each with its documented meaning beside what Django itself needs.
"""

from collections.abc import Callable, Mapping
from typing import Any

Parameters = Mapping[str, Any]
# How long the ORM holds its connection: Django's way; or while a transaction or a cursor needs it.
HOLDS = ("request", "transaction")


def hold(options: Any) -> str:
    """Return what `OPTIONS["pool"]` says of how long the ORM holds its connection."""
    return str(options.get("hold", HOLDS[0])) if isinstance(options, Mapping) else HOLDS[0]


def check_hold(options: Mapping[str, Any]) -> None:
    """
    Check that there is such a `hold`.

    Raises:
        ValueError: there is none.
    """
    if hold(options) not in HOLDS:
        raise ValueError(f"hold must be one of {', '.join(HOLDS)}, not {options['hold']!r}")


def pool_arguments(
    options: Mapping[str, Any],
    *,
    parameters: Parameters,
    configure: Callable[[Any], Any],
    check: Callable[[Any], None] | None,
) -> dict[str, Any]:
    """
    Return the arguments of a SharedPool.

    Args:
        options: `OPTIONS["pool"]`; its `configure` runs after Django's, its `kwargs` win over `parameters`.
        parameters: where and how the entry of DATABASES connects.
        configure: Django's own.
        check: what CONN_HEALTH_CHECKS asks for; an own one in `options`, or None, replaces it.

    Raises:
        TypeError: one of `options` is none of theirs.
    """
    if "open" in options:
        raise TypeError("open is not for you to say: the backend opens its pool at first use (see lazy)")
    return {
        "check": check,
        **{name: value for name, value in options.items() if name != "hold"},
        "kwargs": _merged(parameters, options.get("kwargs")),
        "configure": _one_after_the_other(configure, options.get("configure")),
        "open": False,
    }


def _merged(
    parameters: Parameters, more: Parameters | Callable[[], Parameters] | None
) -> Parameters | Callable[[], Parameters]:
    if callable(more):
        # Asked at each connect: for a password that changes, for one.
        return lambda: {**parameters, **more()}
    return {**parameters, **(more or {})}


def _one_after_the_other(
    first: Callable[[Any], Any], second: Callable[[Any], Any] | None
) -> Callable[[Any], Any]:
    return first if second is None else _Both(first, second)


class _Both:
    """Two functions called in turn. An error names the second: the first is Django's."""

    def __init__(self, first: Callable[[Any], Any], second: Callable[[Any], Any]) -> None:
        self._first, self._second = first, second

    def __call__(self, connection: Any) -> None:
        self._first(connection)
        self._second(connection)

    def __repr__(self) -> str:
        return repr(self._second)
