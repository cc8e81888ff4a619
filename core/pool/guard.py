"""
Critical sections: methods that run while their object's lock is held, whatever interrupts them.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class _HasLock(Protocol):
    """An object with a reentrant lock: the garbage collector may come back to it in the middle."""

    _lock: Any


Owner = TypeVar("Owner", bound=_HasLock)


def guarded(
    method: Callable[Concatenate[Owner, Parameters], Result],
) -> Callable[Concatenate[Owner, Parameters], Result]:
    """
    Make a critical section of a method: it runs while `self._lock` is held.

    The lock is released even if a signal's handler, a debugger or a tracer raises at any line. In a block of
    several lines there is one spot where it would not be: the end of the block, where the interpreter stands
    on the line of the `with` again before it leaves it. On one line there is no such spot.
    """

    @wraps(method)
    def run(self: Owner, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        with self._lock: return method(self, *arguments, **options)  # fmt: skip  # noqa: E701

    return run
